/**
 * `bun behind.ts URL MESSAGES BEHIND READERS TIMES`: a log of messages, most of which are in the manager's memory no more; how soon a
 * client gets its first message whose place is BEHIND messages before the log's end, just before what is in memory, alone and while
 * others read the log from its beginning again and again; and how soon subscriptions that name a time each are in force. Prints JSON.
 */
import { join } from "node:path";
import type { Header } from "../../../src/wire/stomp/frames.ts";
import { Program } from "../systems/program.ts";
import { FrameClient, type FrameClientOptions, openAll } from "./frame-client.ts";

const [address, ...rest] = process.argv.slice(2) as [string, ...string[]];
const [messages, behind, readers, times] = rest.map(Number) as [number, number, number, number];
const url = new URL(address);
const samples = 20;
const windowMax = 500;
const positionHeader = Buffer.from("\nx-stream-offset:");
/** Every so many messages, a position is remembered, from which a client may continue. */
const placeEvery = 50;

function subscriber(pattern: string, from: Header, message: FrameClientOptions["message"]): FrameClient {
  return new FrameClient({
    url,
    subscriptions: [[["id", "0"], ["destination", `/topic/${pattern}`], from]],
    message,
  });
}

/** @param seen called with each message's frame, whose body begins at `body` */
function reader(from: Header, seen: (frame: Buffer, body: number) => void): FrameClient {
  return subscriber("#", from, (bytes, frame, body, length) =>
    seen(Buffer.from(bytes.buffer, bytes.byteOffset + frame, body - frame + length), body - frame),
  );
}

function positionIn(frame: Buffer): string {
  const at = frame.indexOf(positionHeader);
  return frame.toString("latin1", at + positionHeader.length, frame.indexOf("\n", at + 1));
}

/** A position in the log. */
interface Place {
  /** Messages up to it. */
  readonly count: number;
  readonly position: string;
  /** The first message that a client must get from there. */
  next: string;
}

let count = 0;
let witnessed = -1;
const places: Place[] = [];
// It stays connected: its position would move, as others publish and the part in memory moves on.
const witness = reader(["x-stream-offset", "next"], (frame, body) => {
  if (count % placeEvery === 0) {
    places.push({ count, position: positionIn(frame), next: "" });
    if (places.length > 2 * Math.ceil(behind / placeEvery)) places.shift();
  } else if (count % placeEvery === 1) places.at(-1)!.next = positionIn(frame);
  count++;
  const number = Number(frame.toString("latin1", body));
  if (!Number.isNaN(number)) witnessed = number;
});
const sender = new FrameClient({ url, subscriptions: [], message: () => undefined });
await openAll([witness, sender]);
for (let number = 0; number < messages; ) {
  for (const end = Math.min(messages, number + 200); number < end; number++)
    sender.send([["destination", "/topic/bench"]], `${number}`);
  while (witnessed < number - windowMax) await Bun.sleep(1);
}
while (witnessed < messages - 1) await Bun.sleep(5);

async function firstMs(): Promise<number> {
  const { position, next } = places.findLast((place) => place.count <= count - behind)!;
  const startMs = performance.now();
  const came = Promise.withResolvers<number>();
  const client = reader(["x-stream-after", position], (frame) => {
    const first = positionIn(frame);
    if (first === next) came.resolve(performance.now() - startMs);
    else came.reject(new Error(`after ${position} came ${first} instead of ${next}`));
  });
  await client.open();
  const ms = await came.promise;
  client.cut();
  return ms;
}

async function sample(): Promise<{ medianMs: number; maxMs: number }> {
  const all: number[] = [];
  while (all.length < samples) {
    all.push(await firstMs());
    await Bun.sleep(50);
  }
  all.sort((a, b) => a - b);
  return { medianMs: all[samples / 2]!, maxMs: all.at(-1)! };
}

/** Starts a client that reads the whole log again and again, in a process of its own, so that its work delays no measurement here. */
const rereaders: Program[] = [];
async function reread(): Promise<void> {
  rereaders.push(await Program.start(join(import.meta.dir, "rereader.ts"), [address, String(messages)]));
}

const alone = await sample();
await reread();
const besideOne = await sample();
while (rereaders.length < readers) await reread();
const besideAll = await sample();
for (const program of rereaders) await program.kill();

/** How long it takes until all of them are subscribed. */
async function secondsToSubscribe(starts: readonly Header[]): Promise<number> {
  const asking = starts.map((from) => subscriber("bench", from, ignore));
  const startMs = performance.now();
  await openAll(asking, times);
  const seconds = (performance.now() - startMs) / 1000;
  for (const client of asking) client.cut();
  return seconds;
}

function ignore(): void {
  // Only the subscription counts, not its messages.
}

witness.cut();
const nowSeconds = Math.floor(Date.now() / 1000);
const nextSeconds = await secondsToSubscribe(
  Array.from({ length: times }, () => ["x-stream-offset", "next"]),
);
const timesSeconds = await secondsToSubscribe(
  Array.from({ length: times }, (_, index) => ["x-stream-offset", `timestamp=${nowSeconds - index}`]),
);
const seen = { alone, besideOne, besideAll, nextSeconds, timesSeconds };
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit();
