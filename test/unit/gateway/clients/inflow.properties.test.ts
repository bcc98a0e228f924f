import { expect, test } from "bun:test";
import fc from "fast-check";
import { Inflow } from "../../../../src/gateway/clients/inflow.ts";
import { rounds } from "../../doubles/rounds.ts";

const kibibyte = 1024;
const messageMax = 1088 * kibibyte;
/** What the handshake may take, and so may be missing once. */
const handshakeBytes = 32 * kibibyte;
/** What is allowed for around each message and control frame. */
const aroundMax = 14;

/** What a client sends next: a part of a message, of which it may be the last, or a pong. */
const fragment = fc.record({
  kind: fc.constantFrom("ascii" as const, "wide" as const, "binary" as const),
  bytes: fc.integer({ min: 300, max: 200 * kibibyte }),
  isFinal: fc.boolean(),
  isVisitedWithin: fc.boolean(),
});
const pong = fc.record({ pongBytes: fc.integer({ min: 0, max: 125 }) });
const step = fc.oneof({ weight: 3, arbitrary: fragment }, { weight: 1, arbitrary: pong });

const headBytes = (bytes: number) => (bytes < 126 ? 6 : bytes < 65_536 ? 8 : 14);

/** A text of so many bytes as UTF-8. */
function textOf(kind: "ascii" | "wide", bytes: number): string {
  return kind === "ascii" ? "x".repeat(bytes) : "€".repeat(Math.ceil(bytes / 3));
}

test("what is kept of a client's half-sent message is never underrated, and what it is sure to have sent never overrated", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const inflow = new Inflow(false, messageMax, 0);
      /** Of the connection, and of the message that is not whole, with its frames' heads. */
      let wire = 0;
      let unfinished = 0;
      let payload = 0;
      let kind: "ascii" | "wide" | "binary" | undefined;
      let framesSinceVisit = 0;
      const visit = () => {
        inflow.visit(wire, false, 0);
        const missing = handshakeBytes + aroundMax * framesSinceVisit;
        expect(inflow.keptBytes).toBeGreaterThanOrEqual(Math.min(payload, messageMax) - missing);
        expect(inflow.halfBytes).toBeLessThanOrEqual(unfinished);
        framesSinceVisit = 0;
      };
      for (const next of steps) {
        framesSinceVisit++;
        if ("pongBytes" in next) {
          wire += 6 + next.pongBytes;
          inflow.control(new Uint8Array(next.pongBytes));
          continue;
        }
        kind ??= next.kind;
        const came = headBytes(next.bytes) + next.bytes;
        const first = next.isVisitedWithin ? Math.floor(came / 2) : came;
        wire += first;
        unfinished += first;
        payload += Math.max(0, first - headBytes(next.bytes));
        if (next.isVisitedWithin) visit();
        wire += came - first;
        unfinished += came - first;
        payload += next.bytes - Math.max(0, first - headBytes(next.bytes));
        if (next.isFinal) {
          inflow.message(kind === "binary" ? new Uint8Array(payload) : textOf(kind, payload));
          // What is counted may have two bytes more than it had.
          wire += kind === "wide" ? 3 * Math.ceil(payload / 3) - payload : 0;
          unfinished = payload = 0;
          kind = undefined;
        }
        if (!next.isVisitedWithin) visit();
      }
    }),
    rounds(),
  );
});
