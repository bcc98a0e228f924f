import { expect, test } from "bun:test";
import fc from "fast-check";
import { exactMessageCostBytes } from "../../../../src/costs.ts";
import { messageOf } from "../../../../src/gateway/stomp/sent-message.ts";
import { type Pending, Transactions } from "../../../../src/gateway/stomp/transactions.ts";
import { StompFault } from "../../../../src/wire/stomp/fault.ts";
import { frameText, type Header } from "../../../../src/wire/stomp/frames.ts";
import { FrameParser } from "../../../../src/wire/stomp/parser.ts";
import { frameLimits } from "../../../support/frame-limits.ts";
import { rounds } from "../../doubles/rounds.ts";

const bytesMax = 20_000;
const names = ["a", "b", "c"];

/** Header values as short and as long, and of as many bytes for each character, as clients have them. */
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.nat(4000).map((length) => "x".repeat(length)),
  fc.nat(2000).map((length) => "日".repeat(length)),
);
const header = fc.tuple(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter((name) => !name.startsWith("x-")),
  text,
);

const step = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constantFrom("BEGIN", "COMMIT", "ABORT"),
      name: fc.constantFrom(...names),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      is: fc.constant("SEND"),
      name: fc.constantFrom(...names),
      body: text,
      receipt: fc.option(text, { nil: undefined }),
      headers: fc.array(header, { maxLength: 5 }),
    }),
  },
);

/** What its texts take at least: their characters. */
function charactersBytes({ message: { body, topic, headers }, receipt = "" }: Pending): number {
  const texts = [
    topic,
    receipt,
    ...Object.entries(headers ?? {}).flat(),
    ...(typeof body === "string" ? [body] : []),
  ];
  return texts.reduce(
    (sum, each) => sum + (Buffer.byteLength(each) === each.length ? 1 : 2) * each.length,
    0,
  );
}

test("no sequence of frames keeps more in open transactions than their cap, and none that is ended leaves anything behind", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const transactions = new Transactions(bytesMax);
      const kept = new Map<string, Pending[]>();
      for (const { is, name, ...send } of steps) {
        try {
          if (is === "BEGIN") {
            transactions.begin(name);
            kept.set(name, []);
          } else if (is === "SEND") {
            const pending = pendingOf(send as Send);
            if (pending === undefined) continue;
            transactions.add(name, pending);
            kept.get(name)!.push(pending);
          } else {
            expect(transactions.end(name)).toEqual(kept.get(name)!);
            kept.delete(name);
          }
        } catch (error) {
          if (!(error instanceof StompFault)) throw error;
          // Its client is disconnected when the cap was reached, and all is let go.
          if (error.reason === "transactions") return;
        }
        const held = [...kept.values()].flat();
        expect(held.reduce((sum, pending) => sum + charactersBytes(pending), 0)).toBeLessThanOrEqual(
          bytesMax,
        );
      }
      // What was ended counts no more: as much as ever fits.
      for (const name of kept.keys()) transactions.end(name);
      transactions.begin("last");
      const large = { message: { body: "x".repeat(bytesMax - 1000), topic: "t" }, receipt: undefined };
      expect(exactMessageCostBytes(large.message)).toBeLessThan(bytesMax);
      transactions.add("last", large);
    }),
    rounds(),
  );
});

interface Send {
  readonly body: string;
  readonly receipt: string | undefined;
  readonly headers: readonly Header[];
}

/** What a session makes of a SEND; undefined if it is refused. */
function pendingOf({ body, receipt, headers }: Send): Pending | undefined {
  const all: Header[] = [
    ["destination", "/topic/t"],
    ["content-length", `${Buffer.byteLength(body)}`],
    ...headers,
  ];
  if (receipt !== undefined) all.push(["receipt", receipt]);
  const parser = new FrameParser(frameLimits(64 * 1024));
  parser.push(Buffer.from(frameText("SEND", all, body, "1.2")));
  const frame = parser.next();
  if (frame === undefined || frame instanceof StompFault) return undefined;
  try {
    return { message: messageOf(frame, "client"), receipt: frame.headers.get("receipt") };
  } catch (error) {
    if (error instanceof StompFault) return undefined;
    throw error;
  }
}
