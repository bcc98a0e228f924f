import { expect, test } from "bun:test";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { RequestTurns } from "../../../src/ops/request-turns.ts";
import { turn } from "../doubles/turn.ts";

/** Requests that take some time, and a clock that only goes on while they are answered. */
function requestsOf(atLeast: number) {
  const clock = { ms: 0 };
  const turns = new RequestTurns(atLeast, new LoopTime(() => clock.ms));
  const answered: number[] = [];
  let asked = 0;
  const ask = (ms: number, signal = new AbortController().signal) => {
    const index = asked++;
    return turns.answer({ signal }, () => {
      clock.ms += ms;
      answered.push(index);
      return index;
    });
  };
  return { ask, answered };
}

test("requests are answered for some milliseconds of a turn, and those after that in the next one", async () => {
  const { ask, answered } = requestsOf(2);
  for (let each = 0; each < 39; each++) expect(ask(0.1)).toBe(each);
  expect(ask(0.1)).toBe(39);
  const waiting = ask(0.1);
  expect(waiting).toBeInstanceOf(Promise);
  expect(answered.length).toBe(40);
  await turn();
  expect(await waiting).toBe(40);
  expect(ask(0.1)).toBe(41);
});

test("some are answered in each turn however long they take", async () => {
  const { ask, answered } = requestsOf(2);
  for (let each = 0; each < 2; each++) ask(1000);
  const rest = Array.from({ length: 5 }, () => ask(1000));
  expect(answered.length).toBe(2);
  for (const sum of [4, 6, 7]) {
    await turn();
    expect(answered.length).toBe(sum);
  }
  await Promise.all(rest);
});

test("of those that wait as many are answered as there is time for, but no more than eight times the least number: they cost more than their answers take", async () => {
  const { ask, answered } = requestsOf(2);
  for (let each = 0; each < 2; each++) ask(2);
  for (let each = 0; each < 10; each++) void ask(1);
  await turn();
  expect(answered.length).toBe(2 + 5);
  for (let each = 0; each < 100; each++) void ask(0);
  for (const sum of [12, 12 + 16, 28 + 16]) {
    await turn();
    expect(answered.length).toBe(sum);
  }
});

test("very many that wait are answered in several turns, in the order in which they came, before those that come later", async () => {
  const { ask, answered } = requestsOf(1);
  for (let each = 0; each < 100; each++) void ask(1);
  expect(answered.length).toBe(4);
  await turn();
  expect(answered.length).toBe(9);
  const late = ask(1);
  let turns = 2;
  for (; answered.length < 101; turns++) await turn();
  expect(turns).toBe(21);
  expect(await late).toBe(100);
  expect(answered).toEqual(Array.from({ length: 101 }, (_, index) => index));
});

test("however many of one kind wait, one of another kind is answered by the turn's end", async () => {
  const clock = { ms: 0 };
  const loop = new LoopTime(() => clock.ms);
  const [flooded, other] = [new RequestTurns(10, loop), new RequestTurns(10, loop)];
  const { signal } = new AbortController();
  const costly = () => {
    clock.ms += 1;
    return "answered";
  };
  for (let each = 0; each < 500; each++) void flooded.answer({ signal }, costly);
  for (let each = 0; each < 10; each++) void other.answer({ signal }, costly);
  const answer = other.answer({ signal }, costly);
  expect(answer).toBeInstanceOf(Promise);
  let isAnswered = false;
  void Promise.resolve(answer).then(() => {
    isAnswered = true;
  });
  await turn();
  await turn();
  expect(isAnswered).toBe(true);
});

test("one whose client has gone meanwhile is not answered, and one that fails spoils no other", async () => {
  const { ask, answered } = requestsOf(1);
  void ask(1000);
  const gone = new AbortController();
  const forgotten = ask(1000, gone.signal);
  const next = ask(1000);
  gone.abort();
  await turn();
  expect(((await forgotten) as Response).status).toBe(499);
  expect(await next).toBe(2);
  expect(answered).toEqual([0, 2]);
  const turns = new RequestTurns(1, new LoopTime(() => 0));
  const { signal } = gone;
  const fail = (): number => {
    throw new Error("no answer");
  };
  expect(() => turns.answer({ signal }, fail)).toThrow("no answer");
});
