import { describe, expect, test } from "bun:test";
import { contentsOf, type Envelope, seal } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import { sealPacked, takeApart, type Waiting } from "../../../src/envelope/sealing.ts";
import { KnownRepeats } from "../../../src/log/known-repeats.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { Repeats } from "../../../src/log/repeats.ts";
import type { OutgoingMessage } from "../../../src/message.ts";

const manager = "manager-0123456789ab";
const processor = "processor-0123456789ab";

function marking() {
  const repeats = new Repeats();
  let offset = 0;
  const mark = (id: string | undefined, ...packed: OutgoingMessage[]) => {
    const single = seal({ body: "x", topic: "a" }, id ?? "", "app", 1);
    const envelope = {
      ...single,
      messageId: id,
      ...(packed.length === 0 ? {} : { body: pack(packed), contentType: packedContentType }),
    };
    const record = new LogRecord(offset++, "towsmanager", envelope, () => contentsOf(envelope, "?"));
    repeats.mark(record, envelope);
    return record;
  };
  const markSealed = (envelope: Envelope) => {
    const record = new LogRecord(offset++, "wsmanager", envelope, () => contentsOf(envelope, "?"));
    repeats.mark(record, envelope);
    return record;
  };
  return { repeats, mark, markSealed };
}

function waitingFor(message: OutgoingMessage): Waiting {
  return { message, costBytes: 100, timestamp: 1, waiter: undefined, sinceMs: 0, share: undefined };
}
const answer = (id: string): OutgoingMessage => ({ body: id, topic: "a", id });

describe("what is in the log twice is found:", () => {
  test("a message, a pack and an answer that were published again", () => {
    const { mark, repeats } = marking();
    for (const id of [
      `${manager}-1`,
      `${manager}-2/g/1`,
      `${manager}-replies-3`,
      `${manager}-b1-161`,
      `${manager}-replies-b12-7`,
      `${processor}-unnamed-4/g/1`,
    ]) {
      expect(mark(id).isRepeat(0)).toBe(false);
      expect(mark(id).isRepeat(0)).toBe(true);
    }
    const packed = [answer(`${manager}-9/g/1`), answer(`${manager}-9/g/2`)];
    expect(mark(`${processor}-1`, ...packed).repeated).toBeUndefined();
    expect(mark(`${processor}-1`, ...packed).repeated).toBe("all");
    expect(repeats.count).toBe(7);
  });

  test("the messages of a pack that goes in pieces, if the pack had come after all, and else none of them", () => {
    const { repeats, markSealed } = marking();
    const sealing = { appId: manager, idOf: (number: number) => `${manager}-${number}`, hasCopies: false };
    const packOf = (number: number) => {
      const batch = ["a", "b", "c"].map((body) => waitingFor({ body, topic: "a" }));
      return sealPacked(batch, { sequence: number, number }, sealing);
    };
    const refused = packOf(1);
    const pieces = takeApart(refused, sealing);
    expect(pieces.map(({ envelope }) => markSealed(envelope).isRepeat(0))).toEqual([false, false, false]);
    // These came twice themselves.
    expect(pieces.map(({ envelope }) => markSealed(envelope).isRepeat(0))).toEqual([true, true, true]);
    const taken = packOf(4);
    expect(markSealed(taken.envelope).repeated).toBeUndefined();
    const again = takeApart(taken, sealing).map(({ envelope }) => markSealed(envelope).isRepeat(0));
    expect(again).toEqual([true, true, true]);
    expect(repeats.count).toBe(6);
  });

  test("the answers of another processor to the same message, packed with others or alone, and these others are not", () => {
    const { mark } = marking();
    const one = answer(`${manager}-1/g/1`);
    const two = answer(`${manager}-2/g/1`);
    mark(`${processor}-1`, one, answer(`${manager}-3/g/1`));
    const record = mark("processor-ba9876543210-1", two, one);
    expect([0, 1].map((index) => record.isRepeat(index))).toEqual([false, true]);
    expect(mark(two.id).isRepeat(0)).toBe(true);
    expect(mark(`${manager}-2/other/1`).isRepeat(0)).toBe(false);
    expect(mark(`${manager}-2/g/2`).isRepeat(0)).toBe(false);
  });

  test("but never what other programs publish, whatever ids they give it again and again", () => {
    const { mark, repeats } = marking();
    for (const id of [
      undefined,
      "1",
      "order-7",
      "manager-1",
      "manager-notification-17",
      "manager-notification-17/g/1",
      "order-7/g/1",
      "manager-0123456789abc-1",
      `${manager}-x`,
      `${manager}-b1`,
    ]) {
      for (let time = 0; time < 3; time++) expect(mark(id).repeated).toBeUndefined();
    }
    expect(repeats.count).toBe(0);
  });
});

test("what is in another log too is no repeat to those that read it, but was heard by those that listen", () => {
  const { mark, repeats } = marking();
  const packed = [answer(`${manager}-9/g/1`), answer(`${manager}-9/g/2`)];
  mark(`${manager}-1`);
  mark(`${processor}-1`, packed[0]!);
  repeats.restart();
  const single = mark(`${manager}-1`);
  expect([single.isRepeat(0), single.isHeard(0)]).toEqual([false, true]);
  const record = mark(`${processor}-2`, ...packed);
  expect([0, 1].map((index) => [record.isRepeat(index), record.isHeard(index)])).toEqual([
    [false, true],
    [false, false],
  ]);
  expect([mark(`${manager}-1`).isRepeat(0), mark(`${manager}-2`).isHeard(0)]).toEqual([true, false]);
});

test("what was heard from a log is heard no more, also where the next one is deleted before it is published again", () => {
  const { mark, markSealed, repeats } = marking();
  const sealing = { appId: manager, idOf: (number: number) => `${manager}-${number}`, hasCopies: false };
  const batch = ["a", "b"].map((body) => waitingFor({ body, topic: "a" }));
  const taken = sealPacked(batch, { sequence: 1, number: 5 }, sealing);
  mark(`${manager}-1`);
  markSealed(taken.envelope);
  repeats.restart();
  mark(`${manager}-2`);
  repeats.restart();
  const records = [mark(`${manager}-1`), mark(`${manager}-2`), mark(`${manager}-3`)];
  expect(records.map((record) => record.isHeard(0))).toEqual([true, true, false]);
  const pieces = takeApart(taken, sealing).map(({ envelope }) => markSealed(envelope));
  expect(pieces.map((piece) => [piece.isRepeat(0), piece.isHeard(0)])).toEqual([
    [false, true],
    [false, true],
  ]);
});

test("the messages of a pack that goes in pieces are known for repeats if the pack turns out to have come before the start", () => {
  const known = new KnownRepeats();
  const repeats = new Repeats(known);
  const sealing = { appId: manager, idOf: (number: number) => `${manager}-${number}`, hasCopies: false };
  const batch = ["a", "b", "c"].map((body) => waitingFor({ body, topic: "a" }));
  const taken = sealPacked(batch, { sequence: 1, number: 1 }, sealing);
  const recordOf = (offset: number, envelope: Envelope) =>
    new LogRecord(offset, "wsmanager", envelope, () => contentsOf(envelope, "?"));
  repeats.expectPast();
  for (const [index, { envelope }] of takeApart(taken, sealing).entries()) {
    const record = recordOf(20 + index, envelope);
    repeats.mark(record, envelope);
    expect(record.repeated).toBeUndefined();
  }
  repeats.markPast(recordOf(10, taken.envelope), taken.envelope);
  repeats.pastEnded(10);
  expect([10, 20, 21, 22, 23].map((offset) => known.of(offset))).toEqual([
    undefined,
    "all",
    "all",
    "all",
    undefined,
  ]);
});

test("a plain copy that comes before its pack does not make the pack a repeat", () => {
  const repeats = new Repeats();
  const messageId = `${manager}-1`;
  const recordOf = (envelope: Envelope) => {
    const record = new LogRecord(1, "wsmanager", envelope, () => contentsOf(envelope, "?"));
    repeats.mark(record, envelope);
    return record;
  };
  const copy = seal({ body: "x", topic: "a" }, messageId, "app", 1);
  expect(recordOf({ ...copy, isCopy: true }).messages).toEqual([]);
  const packed = { ...copy, body: pack([{ body: "x", topic: "a" }]), contentType: packedContentType };
  expect(recordOf(packed).isRepeat(0)).toBe(false);
  expect(repeats.count).toBe(0);
});

describe("of two messages with the same idempotency key", () => {
  const key = "AAAAAAAAAAAAAAAAAAAAAA";
  const idAt = (seconds: number) => `once-${key}-x-${seconds.toString(36)}-${(120).toString(36)}`;

  test("the later one is a repeat, alone or in a pack, whichever manager published it", () => {
    const { mark, repeats } = marking();
    const plain = { body: "x", topic: "a" };
    expect(mark(`${manager}-1`, plain, answer(idAt(1000))).repeated).toBeUndefined();
    expect(mark(idAt(1119)).isRepeat(0)).toBe(true);
    const record = mark("manager-ba9876543210-1", answer(idAt(999)), plain);
    expect([0, 1].map((index) => record.isRepeat(index))).toEqual([true, false]);
    expect(repeats.count).toBe(2);
  });

  test("that was taken after the window is another one", () => {
    const { mark } = marking();
    mark(idAt(1000));
    expect(mark(idAt(1120)).isRepeat(0)).toBe(false);
    expect(mark(idAt(1121)).isRepeat(0)).toBe(true);
  });

  test("the answers are the same too", () => {
    const { mark } = marking();
    expect(mark(`once-${key}-x-8/g/1`).isRepeat(0)).toBe(false);
    expect(mark(`once-${key}-x-8/g/1`).isRepeat(0)).toBe(true);
    expect(mark(`${processor}-1`, answer(`once-${key}-x-8/g/1`)).isRepeat(0)).toBe(true);
  });
});
