import { expect, test } from "bun:test";
import type { ForeignExchange, RecordExchange } from "../../../src/broker/broker.ts";
import { contentsOf, type Envelope } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import { PackOrigins } from "../../../src/log/pack-origins.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { envelopeOf } from "../doubles/envelope.ts";

function recipientIn(exchange: RecordExchange): string | undefined {
  const envelope = envelopeOf({ messageId: "1", routingKey: "orders", clientId: "somebody" });
  const record = new LogRecord(1, exchange, envelope, () => contentsOf(envelope, "1"));
  return record.recipientOf(record.heads[0]!);
}

test("a message with a client id is for that client alone, unless clients sent it", () => {
  expect(recipientIn("towsmanager")).toBe("somebody");
  expect(recipientIn("wsmanager")).toBeUndefined();
});

test("a message that a program publishes to one client by an exchange of its own is for that client alone, too", () => {
  expect(recipientIn("orders" as ForeignExchange)).toBe("somebody");
});

test("a record that is closed as soon as it is decoded, since too much is, can be read nevertheless", () => {
  const body = pack([{ body: "x", topic: "a" }]);
  const envelope = envelopeOf({ messageId: "1", contentType: packedContentType, body });
  const record = new LogRecord(1, "wsmanager", envelope, () => contentsOf(envelope, "1"));
  record.keep((opened) => opened.close(), false, new PackOrigins());
  expect(record.heads.map(({ topic }) => topic)).toEqual(["a"]);
  expect(record.at(0).topic).toBe("a");
  expect(record.isOpen).toBe(false);
});

/** Keeps packs of the same shape as one window does, and says what each holds when it is opened again. */
function keptPacks(particulars: readonly Partial<Envelope>[]) {
  const origins = new PackOrigins();
  const opened: Envelope[] = [];
  return particulars.map((particular, index) => {
    const body = pack([{ body: `${index}`, topic: "a" }]);
    const envelope = envelopeOf({
      messageId: `m-${index}`,
      contentType: packedContentType,
      body,
      ...particular,
    });
    const record = new LogRecord(index, "wsmanager", envelope, (_, given) => {
      opened.push(given);
      return contentsOf(given, "1");
    });
    const told = () => [record.fingerprint, record.topics, record.endPosition, record.messages];
    const before = told();
    record.keep(() => undefined, false, origins);
    const after = told();
    return {
      envelope,
      again: opened.at(-1)!,
      openings: opened.length,
      before,
      after,
      costBytes: record.costBytes,
    };
  });
}

test("a pack that is kept is opened as what it came as, whatever packs came before it", () => {
  const rare: Partial<Envelope>[] = [
    { appId: "one" },
    { appId: "two" },
    { appId: "two", routingKey: "elsewhere" },
    { appId: undefined },
    { appId: "one", clientId: "somebody" },
    { appId: "one", headers: { colour: "red" } },
    { appId: "one", packId: "p-1" },
    { appId: "one", isRequest: true },
    { appId: "one", timestamp: undefined },
    { appId: "one", messageId: undefined },
  ];
  const kept = keptPacks([...rare, ...rare.toReversed(), ...rare]);
  for (const [index, { envelope, again, openings, before, after }] of kept.entries()) {
    expect(openings).toBe(2 * (index + 1));
    expect(again).toEqual(envelope);
    expect(after).toEqual(before);
  }
});

test("what a publisher's packs have in common is kept and counted once", () => {
  const [first, second, third] = keptPacks([{ appId: "one" }, { appId: "one" }, { appId: "one" }]);
  expect(second!.costBytes).toBeLessThan(first!.costBytes - 300);
  expect(third!.costBytes).toBe(second!.costBytes);
});

test("packs with names of their own for everything are counted with them", () => {
  const names = Array.from({ length: 3 }, (_, index) => `${index}`.padEnd(200, "x"));
  const kept = keptPacks(names.map((appId) => ({ appId, routingKey: appId })));
  for (const { costBytes } of kept) expect(costBytes).toBeGreaterThan(2 * 200 + 384);
});
