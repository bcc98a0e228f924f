import { expect, test } from "bun:test";
import type { ForeignExchange, RecordExchange } from "../../../src/broker/broker.ts";
import { contentsOf } from "../../../src/envelope/envelope.ts";
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
