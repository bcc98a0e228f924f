import { expect, test } from "bun:test";
import { Leaps } from "../../../../../src/broker/rabbitmq/reading/leaps.ts";
import { turn } from "../../../doubles/turn.ts";

/**
 * What a reader hears of a log whose oldest offset it is told when the test says so.
 *
 * @param seenLast the offset of the record that it saw last before it began to read here
 */
function reader(seenLast?: number) {
  const heard: unknown[] = [];
  const asked: PromiseWithResolvers<number | undefined>[] = [];
  const leaps = new Leaps<string>(
    {
      oldest: () => {
        const answer = Promise.withResolvers<number | undefined>();
        asked.push(answer);
        return answer.promise;
      },
      next: (delivery) => void heard.push(delivery),
      behindGap: () => void heard.push("gap"),
      unsure: () => void heard.push("unsure"),
    },
    seenLast === undefined
      ? undefined
      : { offset: seenLast, isMissing: () => void heard.push("another log") },
  );
  const come = (...offsets: number[]) => {
    for (const offset of offsets) leaps.came(offset, String(offset));
  };
  return { leaps, heard, asked, come };
}

test("offsets that follow on one another, and one that RabbitMQ took for itself, are no leap", () => {
  const { heard, asked, come } = reader();
  come(1000, 1001, 1003, 1004);
  expect([heard, asked]).toEqual([["1000", "1001", "1003", "1004"], []]);
});

test("what comes after a leap waits until it is known that the log still has what came before it, and nothing is missing", async () => {
  const { heard, asked, come } = reader();
  come(10, 20, 21);
  expect([heard, asked.length]).toEqual([["10"], 1]);
  asked[0]!.resolve(5);
  await turn();
  come(22);
  expect(heard).toEqual(["10", "20", "21", "22"]);
});

test("records that the log dropped before they were read are reported before the next record", async () => {
  const { heard, asked, come } = reader();
  come(10, 20);
  asked[0]!.resolve(20);
  await turn();
  expect(heard).toEqual(["10", "gap", "20"]);
});

test("of several leaps each is looked at, and in order", async () => {
  const { heard, asked, come } = reader();
  come(10, 20, 21, 30, 31);
  asked[0]!.resolve(0);
  await turn();
  expect([heard, asked.length]).toEqual([["10", "20", "21"], 2]);
  asked[1]!.resolve(25);
  await turn();
  expect(heard).toEqual(["10", "20", "21", "gap", "30", "31"]);
});

test("where the log does not show its oldest record, or cannot be asked, nothing more is handed on", async () => {
  const silent = reader();
  silent.come(10, 20);
  silent.asked[0]!.resolve(undefined);
  const lost = reader();
  lost.come(10, 20);
  lost.asked[0]!.reject(new Error("the connection is lost"));
  await turn();
  for (const { heard, come } of [silent, lost]) {
    come(21);
    expect(heard).toEqual(["10", "unsure"]);
  }
});

test("after the end nothing is handed on, whatever the answer is", async () => {
  const { leaps, heard, asked, come } = reader();
  come(10, 20);
  leaps.end();
  asked[0]!.resolve(20);
  await turn();
  expect(heard).toEqual(["10"]);
});

test("a log that shows the record that was seen last, maybe after earlier ones, is the same, and is not asked", () => {
  const { heard, asked, come } = reader(12);
  come(10, 11, 12, 13);
  expect([heard, asked]).toEqual([["10", "11", "12", "13"], []]);
});

test.each([
  { came: [13, 14], why: "begins after the record that was seen last" },
  { came: [10, 11, 13], why: "leaves it out" },
])("a log that has older records and $why is another one: nothing of it is handed on", async ({ came }) => {
  const { heard, asked, come } = reader(12);
  come(...came);
  const before = heard.length;
  asked[0]!.resolve(10);
  await turn();
  come(15);
  expect(heard.slice(before)).toEqual(["another log"]);
});

test("a log that has dropped the record that was seen last goes on after a gap, and leaps are looked for as before", async () => {
  const { leaps, heard, asked, come } = reader(12);
  come(50, 51, 60);
  expect([heard, leaps.isAsking]).toEqual([[], true]);
  asked[0]!.resolve(50);
  await turn();
  expect([heard, asked.length]).toEqual([["gap", "50", "51"], 2]);
  asked[1]!.resolve(50);
  await turn();
  expect([heard, leaps.isAsking]).toEqual([["gap", "50", "51", "60"], false]);
});
