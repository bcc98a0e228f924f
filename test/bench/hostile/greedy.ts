import { makeFrame, opcodes } from "../../../src/bench/frames.ts";
import { Handshake } from "../../../src/bench/handshake.ts";
import { connectRaw, type RawClient } from "./raw-client.ts";

/** Bytes of STOMP after which a WebSocket message is sent: with what comes last it is no larger than a manager takes. */
const bulkBytes = 500_000;
/** The pause between two messages, so that the attacker's own work does not hide the manager's. In milliseconds. */
const pauseMs = 20;
/** How long a connection sends, and how long it then stays open, in milliseconds. */
const spreeMs = 10_000;
const lullMs = 3000;

const longValues = Array.from({ length: 7 }, (_, at) => `long-${at}:${"x".repeat(8000)}\n`).join("");
const wideValues = Array.from({ length: 20 }, (_, at) => `wide-${at}:${"日".repeat(900)}\n`).join("");
const ownNames = (index: number) => Array.from({ length: 60 }, (_, at) => `n${index}.${at}:\n`).join("");
const longReceipt = (index: number) => `receipt:${`${index}`.padEnd(8000, "x")}\n`;

/** The frames that are sent first, and those that are repeated, each time with another number. */
interface Greed {
  readonly first?: string;
  readonly frame: (index: number) => string;
  /** Frames that one connection says; without it, as many as there is time for. */
  readonly countMax?: number;
}

/** SENDs to a topic of their own, since it is not the relay that is measured. */
const send = (headers: string, body = "") => `SEND\ndestination:/topic/greedy\n${headers}\n${body}\0`;
/** As many as one message may match. */
const subscriptions = Array.from(
  { length: 25 },
  (_, at) => `SUBSCRIBE\nid:s${at}\ndestination:/topic/g.#\n\n\0`,
).join("");

/** The kinds of attackers. Each makes the manager keep something in memory. */
export const greedy: Readonly<Record<string, Greed>> = {
  transactions: {
    first: "BEGIN\ntransaction:t\n\n\0",
    frame: (index) => send(`transaction:t\nreceipt:${index}\nn${index}:\n`),
    // As many as fit.
    countMax: 4000,
  },
  routes: { first: subscriptions, frame: (index) => `SEND\ndestination:/topic/g.${index}\n\n\0` },
  "own names": { frame: (index) => send(ownNames(index)) },
  "long values": { frame: (index) => send(`n${index}:\n${longValues}`) },
  "wide values": { frame: (index) => send(`n${index}:\n${wideValues}`) },
  "wide bodies": { frame: () => send("", "日".repeat(100_000)) },
  receipts: { frame: (index) => send(longReceipt(index)) },
  nothing: { frame: () => send("") },
  subscriptions: {
    frame: (index) =>
      [`timestamp=${index}`, "first", `${9e15 - index}`]
        .map(
          (start, at) =>
            `SUBSCRIBE\nid:${index}.${at}\n${longReceipt(index)}destination:/topic/${`${index}`.padEnd(200, "x")}\nx-stream-offset:${start}\n\n\0UNSUBSCRIBE\nid:${index}.${at}\n\n\0`,
        )
        .join(""),
  },
  "catching up": {
    frame: (index) =>
      `${index % 50 < 40 ? send("", "x".repeat(900_000)) : ""}SUBSCRIBE\nid:${index}\ndestination:/topic/greedy\nx-stream-offset:first\n\n\0${index < 20 ? "" : `UNSUBSCRIBE\nid:${index - 20}\n\n\0`}`,
  },
};

/** A connection of such an attacker. */
export async function beGreedy(url: URL, kind: string): Promise<void> {
  const { first = "", frame, countMax = Number.POSITIVE_INFINITY } = greedy[kind]!;
  const client = await connectRaw(url, new Handshake(url, "v12.stomp").request);
  if ((await client.answered) !== 101) {
    client.socket.destroy();
    return;
  }
  let hasEnded = false;
  void client.ended.then(() => {
    hasEnded = true;
  });
  say(client, `CONNECT\naccept-version:1.2\nhost:h\n\n\0${first}`);
  const untilMs = performance.now() + spreeMs;
  let index = 0;
  while (!hasEnded && performance.now() < untilMs && index < countMax) {
    // Unsent bytes wait in the kernel, and not here.
    if (client.socket.writableLength === 0) {
      let bulk = "";
      do bulk += frame(index++);
      while (Buffer.byteLength(bulk) < bulkBytes && index < countMax);
      say(client, bulk);
    }
    await Bun.sleep(pauseMs);
  }
  await Promise.race([client.ended, Bun.sleep(lullMs)]);
  client.socket.destroy();
}

function say({ socket }: RawClient, frames: string): void {
  socket.write(makeFrame(opcodes.binary, Buffer.from(frames)));
}
