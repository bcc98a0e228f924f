import { expect, test } from "bun:test";
import fc from "fast-check";
import { EventFrames, type EventMessage } from "../../../../../src/broker/rabbitmq/events/event-frames.ts";
import { publishFrames } from "../../../../../src/broker/rabbitmq/frames/publish-frames.ts";
import { rounds } from "../../../doubles/rounds.ts";

const framing = { channel: 3, frameMax: 4096 };

const routes = [
  { exchange: "wsmanager.events.m.1", key: "client.connected", isMandatory: false },
  { exchange: "wsmanager.events.m.1", key: "manager.snapshot", isMandatory: false },
  { exchange: "wsmanager.events.m.1.programs", key: "client.subscribed", isMandatory: false },
  { exchange: "wsmanager.events.m.1.programs", key: "client.connected", isMandatory: true },
];

/** The same events as envelopes like any others. */
const written = (events: readonly EventMessage[]) =>
  Buffer.concat(
    events.map(({ route: { key, ...rest }, body, headers }) => {
      const envelope = {
        contentType: "application/json",
        messageId: undefined,
        timestamp: undefined,
        appId: undefined,
        clientId: undefined,
        routingKey: key,
        body: Buffer.from(body),
        headers,
      };
      return publishFrames([envelope], { ...framing, ...rest });
    }),
  );

const anyEvent = fc.record<EventMessage>({
  route: fc.constantFrom(...routes),
  body: fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    // Around what one frame holds, of ASCII and of what takes three bytes.
    fc
      .tuple(fc.constantFrom("x", "€"), fc.integer({ min: 1300, max: 4200 }))
      .map(([unit, n]) => unit.repeat(n)),
  ),
  headers: fc.option(fc.constant({ epoch: "7" }), { nil: undefined, freq: 8 }),
});

test("events are written byte for byte as other messages are, whatever was written before", () => {
  const frames = new EventFrames(framing);
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 6 }), (events) => {
      expect(frames.write(events)).toEqual(written(events));
    }),
    rounds(),
  );
});
