import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import fc from "fast-check";
import { TimerWheel } from "../../../src/gateway/clients/timer-wheel.ts";
import type { Thread } from "../../../src/gateway/requests/correlation.ts";
import { RequestFault } from "../../../src/gateway/requests/line.ts";
import { Requests } from "../../../src/gateway/requests/requests.ts";
import type { Message } from "../../../src/message.ts";
import { anyText } from "../doubles/arbitraries.ts";
import { rounds } from "../doubles/rounds.ts";
import { turn } from "../doubles/turn.ts";

const answerOf = (headers: Message["headers"], body = "answer"): Message => ({
  id: "a-1",
  body,
  topic: "t",
  headers,
  appId: "worker",
  timestamp: 1,
});

function asking(requests = new Requests(new TimerWheel())) {
  const got: [Message, Thread][] = [];
  const line = requests.line({ answer: (message, thread) => void got.push([message, thread]) });
  return { requests, line, got };
}
const idIn = (headers: Message["headers"]) => headers!["correlation-id"]!;

describe("a request's correlation id", () => {
  test("brings the answer back to the connection that asked, with whatever names the client gave", () => {
    fc.assert(
      fc.property(anyText, anyText, (replyTo, correlationId) => {
        fc.pre(replyTo.isWellFormed() && correlationId.isWellFormed());
        const { requests, line, got } = asking();
        const other = asking(requests);
        const headers = line.headersOf({ own: "1" }, { replyTo, correlationId }, "t");
        expect(headers).toMatchObject({ own: "1", "reply-to": "towsmanager.replies" });
        expect(requests.answer(answerOf(headers), idIn(headers))).toBe(true);
        const [[message, thread]] = got as [[Message, Thread]];
        expect(thread.replyTo).toBe(replyTo);
        expect({ ...message.headers }).toEqual(
          correlationId === "" ? { own: "1" } : { own: "1", "correlation-id": correlationId },
        );
        expect(other.got).toEqual([]);
      }),
      rounds(),
    );
  });

  test("of another manager is told from one's own, and whatever else comes goes to nobody", () => {
    const { requests, line, got } = asking();
    const theirs = asking().line.headersOf({}, { replyTo: "x", correlationId: "1" }, "t");
    expect(requests.answer(answerOf(theirs), idIn(theirs))).toBe(false);
    const own = idIn(line.headersOf({}, { replyTo: "x", correlationId: "1" }, "t"));
    fc.assert(
      fc.property(fc.nat(own.length), anyText, (at, garbage) => {
        const forged = own.slice(0, at) + garbage;
        fc.pre(!forged.startsWith(own.slice(0, 33)));
        requests.answer(answerOf({}), forged);
      }),
      rounds(),
    );
    expect(got).toEqual([]);
    line.close();
    expect(requests.answer(answerOf({}), own)).toBe(true);
    expect(got).toEqual([]);
  });

  test("of an answer that is larger than clients may be sent brings an error, and nothing of it", () => {
    const { line, requests, got } = asking(new Requests(new TimerWheel(), undefined, 100));
    const headers = line.headersOf({}, { replyTo: "x", correlationId: "1" }, "t");
    expect(requests.answer(answerOf(headers, "é".repeat(51)), idIn(headers))).toBe(true);
    expect(requests.answer(answerOf(headers, "é".repeat(50)), idIn(headers))).toBe(true);
    expect(got.map(([{ body, headers: of }]) => [of!["correlation-id"], of!["error"], body])).toEqual([
      ["1", "failed", "the answer has more bytes than may wait for a client"],
      ["1", undefined, "é".repeat(50)],
    ]);
  });

  test("that AMQP could not carry is refused", () => {
    const { line } = asking();
    expect(() => line.headersOf({}, { replyTo: "x", correlationId: "é".repeat(120) }, "t")).toThrow(
      RequestFault,
    );
    expect(
      idIn(line.headersOf({}, { replyTo: "x".repeat(90), correlationId: "y".repeat(90) }, "t")).length,
    ).toBeLessThan(256);
  });
});

test("the waiting time is measured up to the first answer of each group, whichever processor answers", () => {
  let now = 7_000.5;
  const clock = jest.spyOn(performance, "now").mockImplementation(() => now);
  const { requests, line } = asking();
  const answerAfter = (ms: number, id: string, thread: Thread, asked?: Message["headers"]) => {
    const headers = asked ?? line.headersOf({}, thread, "t");
    now += ms;
    requests.answer({ ...answerOf(headers), id }, idIn(headers));
    return headers;
  };
  const thread = { replyTo: "x", correlationId: "1" };
  const measured = () => {
    const metric = requests.metrics.find(({ name }) => name === "warren_request_seconds");
    if (metric === undefined || !("readHistogram" in metric)) throw new Error("there is no such histogram");
    const { count, sum } = metric.readHistogram();
    return [count, Math.round(sum * 10) / 10];
  };
  const streamed = answerAfter(200, "manager-0a1b2c3d4e5f-7/processor/1", thread);
  answerAfter(10_000, "manager-0a1b2c3d4e5f-7/processor/2", thread, streamed);
  expect(measured()).toEqual([1, 0.2]);
  answerAfter(300, "manager-0a1b2c3d4e5f-8/processor/error", thread);
  answerAfter(1_500, "a worker's own id", { replyTo: "y", correlationId: undefined });
  expect(measured()).toEqual([3, 2]);
  // A worker gives back a time that is to come.
  const headers = line.headersOf({}, thread, "t");
  const forged = idIn(headers).replace(/:-[0-9a-z]+\./, ":-zzzzzzzzz.");
  requests.answer({ ...answerOf({ ...headers, "correlation-id": forged }), id: "late" }, forged);
  expect(measured()).toEqual([4, 2]);
  clock.mockRestore();
});

describe("a request with an expiration", () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
  const expiring = { expiration: "1000" };
  const thread = { replyTo: "x", correlationId: "same" };

  test("is answered with an error when it is over, once, and not after an answer, whatever its name was before", async () => {
    let now = 0;
    const clock = jest.spyOn(performance, "now").mockImplementation(() => now);
    const pass = (ms: number) => {
      for (const until = now + ms; now < until; ) {
        now += 250;
        jest.advanceTimersByTime(250);
      }
    };
    const { requests, line, got } = asking();
    const late = line.headersOf(expiring, thread, "t");
    const prompt = line.headersOf(expiring, thread, "t");
    requests.answer(answerOf(prompt, "prompt"), idIn(prompt));
    pass(3000);
    await turn();
    expect(got.map(([{ body, headers }]) => [body, headers!["error"], headers!["correlation-id"]])).toEqual([
      ["prompt", undefined, "same"],
      ["no answer came in time", "expired", "same"],
    ]);
    requests.answer(answerOf(late, "late"), idIn(late));
    requests.answer(answerOf(prompt, "more"), idIn(prompt));
    expect(got.map(([{ body }]) => body).slice(2)).toEqual(["more"]);
    line.headersOf(expiring, thread, "t");
    line.close();
    pass(3000);
    await turn();
    expect(got).toHaveLength(3);
    clock.mockRestore();
  });

  test("holds nobody up where many clients' end at the same moment, and an answer that comes first is the answer", async () => {
    let now = 0;
    const clock = jest.spyOn(performance, "now").mockImplementation(() => now);
    const requests = new Requests(new TimerWheel());
    let toldInTurn = 0;
    // Each takes a tenth of a millisecond.
    const asker = {
      answer: () => {
        now += 0.1;
        toldInTurn++;
      },
    };
    const lines = Array.from({ length: 50 }, () => requests.line(asker));
    const ids = lines.flatMap((line) =>
      Array.from({ length: 20 }, () => idIn(line.headersOf(expiring, thread, "t"))),
    );
    expect(lines[0]!.keptBytes).toBe(20 * 1024);
    for (let turns = 0; turns < 8; turns++) {
      now += 250;
      jest.advanceTimersByTime(250);
    }
    expect(toldInTurn).toBe(0);
    requests.answer(answerOf({ "correlation-id": ids.at(-1)! }), ids.at(-1)!);
    let told = toldInTurn;
    while (told < ids.length) {
      toldInTurn = 0;
      await turn();
      expect(toldInTurn).toBeLessThan(100);
      told += toldInTurn;
    }
    await turn();
    expect(told).toBe(ids.length);
    // It is remembered that they have expired.
    expect(lines[0]!.keptBytes).toBe(20 * 512);
    clock.mockRestore();
  });

  test("that has expired is not answered late, however many of another client's have expired since", async () => {
    let now = 0;
    const clock = jest.spyOn(performance, "now").mockImplementation(() => now);
    const pass = async () => {
      for (let slots = 0; slots < 8; slots++) {
        now += 250;
        jest.advanceTimersByTime(250);
      }
      await turn();
    };
    const { requests, line, got } = asking();
    const late = idIn(line.headersOf(expiring, thread, "t"));
    await pass();
    const flood = asking(requests);
    for (let round = 0; round < 12; round++) {
      for (let each = 0; each < 1000; each++) flood.line.headersOf(expiring, thread, "t");
      await pass();
    }
    expect(flood.got).toHaveLength(12_000);
    expect(flood.line.keptBytes).toBeLessThan(1024 ** 2);
    requests.answer(answerOf({ "correlation-id": late }), late);
    expect(got.map(([{ body }]) => body)).toEqual(["no answer came in time"]);
    clock.mockRestore();
  });

  test("is one of a bounded number", () => {
    const { line } = asking();
    for (let i = 0; i < 1000; i++) line.headersOf(expiring, thread, "t");
    expect(() => line.headersOf(expiring, thread, "t")).toThrow("more than 1000 requests");
    line.close();
  });
});
