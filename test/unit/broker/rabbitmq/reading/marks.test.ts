import { describe, expect, jest, test } from "bun:test";
import { markContentType } from "../../../../../src/broker/broker.ts";
import { Marks } from "../../../../../src/broker/rabbitmq/reading/marks.ts";
import type { Envelope } from "../../../../../src/envelope/envelope.ts";
import { makeFakeClock } from "../../../doubles/fake-clock.ts";

const clock = makeFakeClock();

const againAfterMs = 60_000;

/** Marks in a log that shows each of them at once, at the next offset. */
function log() {
  const sent: string[] = [];
  const writer = { isFree: true, isTaken: true, write: (id: string) => void sent.push(id) };
  const marks = new Marks(writer, againAfterMs);
  let silences = 0;
  marks.opened(() => void silences++);
  let shown = 0;
  const show = () => {
    for (; shown < sent.length; shown++)
      marks.take(shown, { contentType: markContentType, messageId: sent[shown] } as Envelope);
  };
  const pass = (ms: number, each: () => void = () => undefined) =>
    clock.pass(ms, 10, () => {
      each();
      show();
    });
  return { marks, writer, sent, show, pass, silences: () => silences };
}

test("a mark is sent at once where none was sent lately", () => {
  const { marks, sent, show } = log();
  const offsets: number[] = [];
  marks.ask((offset) => offsets.push(offset));
  expect(sent).toHaveLength(1);
  show();
  expect(offsets).toEqual([0]);
});

test("all that ask while one is on its way, or lately was, share the next one", () => {
  const { marks, sent, show, pass } = log();
  const offsets: number[] = [];
  const ask = () => marks.ask((offset) => offsets.push(offset));
  ask();
  for (let index = 0; index < 1000; index++) ask();
  show();
  for (let index = 0; index < 1000; index++) ask();
  expect(offsets).toEqual([0]);
  pass(60);
  expect(sent).toHaveLength(2);
  expect(offsets).toHaveLength(2001);
  expect(new Set(offsets.slice(1))).toEqual(new Set([1]));
});

test("clients that never stop asking cause one a second, and wait no longer than that", () => {
  const { marks, sent, pass } = log();
  pass(60_000, () => marks.ask(() => undefined));
  expect(sent.length).toBeGreaterThan(55);
  expect(sent.length).toBeLessThan(70);
});

test("a mark without a waiter is not sent", () => {
  const { marks, sent, pass } = log();
  const offsets: number[] = [];
  // Clients that subscribe and leave at once.
  pass(60_000, () => marks.ask((offset) => offsets.push(offset))());
  // Only what was asked when none had been sent for a while is sent before anybody can leave.
  const before = sent.length;
  const forget = marks.ask((offset) => offsets.push(offset));
  forget();
  pass(10_000);
  expect(offsets).toEqual([]);
  expect(sent.length).toBe(before);
});

test("one that asks after a while is answered at once again", () => {
  const { marks, sent, pass } = log();
  pass(10_000, () => marks.ask(() => undefined));
  pass(3000);
  const before = sent.length;
  marks.ask(() => undefined);
  expect(sent).toHaveLength(before + 1);
});

test("nothing is timed after the session has ended, and what was asked is sent in the next one", () => {
  const { marks, sent, show } = log();
  marks.ask(() => undefined);
  show();
  marks.ask(() => undefined);
  marks.closed();
  expect(jest.getTimerCount()).toBe(0);
  clock.step(1000, 0);
  marks.opened(() => undefined);
  expect(sent).toHaveLength(2);
});

describe("while RabbitMQ takes no messages", () => {
  test("none is sent, whatever asks for it, and afterwards one mark answers all requests", () => {
    const { marks, writer, sent, pass } = log();
    const offsets: number[] = [];
    writer.isFree = false;
    pass(10_000, () => marks.ask((offset) => offsets.push(offset)));
    expect(sent).toEqual([]);
    writer.isFree = true;
    marks.writable();
    pass(10);
    expect(sent).toHaveLength(1);
    expect(offsets).toHaveLength(1000);
  });

  test("one that waits there is neither sent again nor taken for a sign that the log is silent", () => {
    const { marks, writer, sent, pass, show, silences } = log();
    const offsets: number[] = [];
    marks.ask((offset) => offsets.push(offset));
    writer.isFree = false;
    // It was written, and is not shown.
    const [waiting] = sent.splice(0);
    pass(20 * againAfterMs);
    expect({ sent, silences: silences() }).toEqual({ sent: [], silences: 0 });
    writer.isFree = true;
    marks.writable();
    expect(sent).toEqual([]);
    sent.push(waiting!);
    show();
    expect(offsets).toEqual([0]);
  });

  test("and it is sent again afterwards, should it have been lost", () => {
    const { marks, writer, sent, pass, silences } = log();
    marks.ask(() => undefined);
    const [lost] = sent.splice(0);
    writer.isFree = false;
    pass(10 * againAfterMs);
    writer.isFree = true;
    pass(againAfterMs);
    expect({ sent, silences: silences() }).toEqual({ sent: [lost!], silences: 0 });
  });
});

test("a RabbitMQ that stands still, and takes no mark, is no silent log: only if it goes on for four times as long", () => {
  const { marks, writer, sent, pass, silences } = log();
  marks.ask(() => undefined);
  sent.length = 0;
  writer.isTaken = false;
  pass(19 * againAfterMs);
  expect({ sent, silences: silences() }).toEqual({ sent: [], silences: 0 });
  pass(againAfterMs);
  expect(silences()).toBe(1);
});

test("a log that shows none of five is silent", () => {
  const { marks, sent, silences } = log();
  marks.ask(() => undefined);
  for (let time = 0; time < 5; time++) jest.advanceTimersByTime(againAfterMs);
  expect({ sent: sent.length, silences: silences() }).toEqual({ sent: 5, silences: 1 });
});
