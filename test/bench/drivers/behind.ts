/**
 * `bun behind.ts URL MESSAGES BEHIND READERS TIMES`: a log of messages, most of which are in the manager's memory no more; how soon a
 * client gets its first message whose place is just behind memory, alone and while others read the log from its
 * beginning again and again; and how soon subscriptions that name a time each are in force. Prints JSON.
 */
import { join } from "node:path";
import type { Header } from "../../../src/wire/stomp/frames.ts";
import { Program } from "../systems/program.ts";
import { FrameClient, openAll } from "./frame-client.ts";

const [address, ...rest] = process.argv.slice(2) as [string, ...string[]];
const [messages, behind, readers, times] = rest.map(Number) as [number, number, number, number];
const url = new URL(address);
const destination = ["destination", "/topic/bench"] as const;
const samples = 20;
const windowMax = 500;
const positionHeader = Buffer.from("\nx-stream-offset:");

/** @param seen hears of each message's number and frame; true ends the client */
function reader(
  from: Header,
  seen: (number: number, frame: Buffer, client: FrameClient) => void,
): FrameClient {
  const client: FrameClient = new FrameClient({
    url,
    subscriptions: [[["id", "0"], destination, from]],
    message: (bytes, frame, body, length) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + frame, body - frame + length);
      seen(Number(text.toString("latin1", body - frame)), text, client);
    },
  });
  return client;
}

let place = "";
let witnessed = -1;
const witness = reader(["x-stream-offset", "next"], (number, frame) => {
  witnessed = number;
  if (number !== messages - behind) return;
  const at = frame.indexOf(positionHeader);
  place = frame.toString("latin1", at + positionHeader.length, frame.indexOf("\n", at + 1));
});
const sender = new FrameClient({ url, subscriptions: [], message: () => undefined });
await openAll([witness, sender]);
for (let number = 0; number < messages; ) {
  for (const end = Math.min(messages, number + 200); number < end; number++)
    sender.send([destination], `${number}`);
  while (witnessed < number - windowMax) await Bun.sleep(1);
}
while (witnessed < messages - 1) await Bun.sleep(5);
witness.cut();

async function firstMs(): Promise<number> {
  const startMs = performance.now();
  const came = Promise.withResolvers<number>();
  const client = reader(["x-stream-after", place], (number) => {
    if (number !== messages - behind + 1) return;
    came.resolve(performance.now() - startMs);
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

/** One more that reads it all, again and again: a process of its own, so that what it has to do delays nobody here. */
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

/** How long all of them take to be in force. */
async function inForce(starts: readonly Header[]): Promise<number> {
  const asking = starts.map((from) => reader(from, () => undefined));
  const startMs = performance.now();
  await openAll(asking, times);
  const seconds = (performance.now() - startMs) / 1000;
  for (const client of asking) client.cut();
  return seconds;
}

const nowSeconds = Math.floor(Date.now() / 1000);
const nextSeconds = await inForce(Array.from({ length: times }, () => ["x-stream-offset", "next"]));
const timesSeconds = await inForce(
  Array.from({ length: times }, (_, index) => ["x-stream-offset", `timestamp=${nowSeconds - index}`]),
);
const seen = { alone, besideOne, besideAll, nextSeconds, timesSeconds };
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit();
