import { expect, test } from "bun:test";
import type { ForeignExchange, RecordExchange } from "../../../src/broker/broker.ts";
import { contentsOf } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
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
  record.keep((opened) => opened.close(), false);
  expect(record.heads.map(({ topic }) => topic)).toEqual(["a"]);
  expect(record.at(0).topic).toBe("a");
  expect(record.isOpen).toBe(false);
});
