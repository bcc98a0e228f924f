import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ClientEvent } from "../../../src/events/event.ts";
import { eventText } from "../../../src/events/event-text.ts";
import { rounds } from "../doubles/rounds.ts";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom('"', "\\", "\n", "\u2028", "\ud800", ""),
);
const anyEvent = fc.record<ClientEvent>(
  {
    event: fc.constantFrom("connected", "disconnected", "subscribed", "unsubscribed"),
    client: text,
    connection: text,
    manager: text,
    at: fc.nat(),
    topic: text,
    protocol: text,
    address: text,
    reason: text,
  },
  { requiredKeys: ["event", "client", "connection", "manager", "at"] },
);

test("an event's text is the JSON of all that it says, whatever clients and topics are called", () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      expect(JSON.parse(eventText(event))).toEqual(JSON.parse(JSON.stringify(event)));
    }),
    rounds(),
  );
});
