/**
 * `bun resume.ts URL-A PID-A URL-B PID-B CLIENTS MESSAGES`: durable subscribers on manager A, which is killed; messages that a
 * client of B sends meanwhile, confirmed; and all subscribers at once on B, behind what they saw last. Prints JSON.
 */
import { rssBytes } from "../systems/usage.ts";
import { FrameClient, openAll } from "./frame-client.ts";

const [urlA, pidA, urlB, pidB, clientCount, messageCount] = process.argv.slice(2) as string[] as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const clients = Number(clientCount);
const messages = Number(messageCount);
const destination = ["destination", "/topic/bench"] as const;
const waitMsMax = 60_000;

const positionHeader = Buffer.from("\nx-stream-offset:");
const gapHeader = Buffer.from("\nx-stream-gap:");

/** A client's state: the number of the next message, and the position of the last one. */
const next = new Uint32Array(clients);
const position = new Array<string>(clients);
let wrong = 0;
let complete = 0;

/** Bodies are numbers from 0. */
function see(client: number, bytes: Uint8Array, frame: number, body: number, length: number): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + frame, body - frame + length);
  const at = text.indexOf(positionHeader);
  const number = Number(text.toString("latin1", body - frame));
  if (number !== next[client] || at < 0 || text.includes(gapHeader)) wrong++;
  next[client] = number + 1;
  position[client] = text.toString("latin1", at + positionHeader.length, text.indexOf("\n", at + 1));
  if (number === messages) complete++;
}

function subscriber(url: string, client: number, from: readonly [string, string]): FrameClient {
  return new FrameClient({
    url: new URL(url),
    subscriptions: [[["id", "0"], destination, from]],
    message: (bytes, frame, body, length) => see(client, bytes, frame, body, length),
  });
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + waitMsMax;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(2);
  }
}

let confirmed = 0;
const sender = new FrameClient({
  url: new URL(urlB),
  subscriptions: [],
  message: () => undefined,
  receipt: () => {
    confirmed++;
  },
});
const send = (number: number) => sender.send([destination, ["receipt", `${number}`]], `${number}`);

const before = Array.from({ length: clients }, (_, client) =>
  subscriber(urlA, client, ["x-stream-offset", "next"]),
);
await openAll([...before, sender]);
send(0);
await until(() => next.every((number) => number === 1), "everybody has the first message");

for (const client of before) client.mayClose();
process.kill(Number(pidA), "SIGKILL");
for (let number = 1; number <= messages; number++) send(number);
await until(() => confirmed === messages + 1, "all messages are confirmed");

const restingBytes = rssBytes(Number(pidB));
let mostBytes = restingBytes;
const watch = setInterval(() => {
  mostBytes = Math.max(mostBytes, rssBytes(Number(pidB)));
}, 20);
const startMs = performance.now();
await openAll(position.map((after, client) => subscriber(urlB, client, ["x-stream-after", after])));
await until(() => complete === clients, "everybody has everything");
const seconds = (performance.now() - startMs) / 1000;
// Repeats would come now.
await Bun.sleep(300);
clearInterval(watch);
if (wrong > 0) throw new Error(`${wrong} messages were not the next one`);
process.stdout.write(`${JSON.stringify({ seconds, growthMb: (mostBytes - restingBytes) / 1e6 })}\n`);
process.exit();
