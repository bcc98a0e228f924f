/**
 * `bun own-topics.ts URL,… CLIENTS RATE SECONDS`: so many plain-text clients, each on a topic of its own, send questions in turn and wait
 * for the processor's answers. Prints what they saw as JSON: the latencies of all but the first second.
 */
import { Histogram } from "../../../src/bench/histogram.ts";

const [urls, clients, rate, seconds] = process.argv.slice(2) as [string, string, string, string];

const answer = "processed message: ";
/** The warm-up: code is not compiled yet, and caches are cold. */
const warmupMs = 1000;
/** How many handshakes run at the same time. */
const handshakesMax = 50;
/** How long an answer may take after the last question, in milliseconds. */
const patienceMs = 10_000;

const latencies = new Histogram();
const sentAt: number[] = [];
let answers = 0;
let isWarm = false;

function heard(text: string): void {
  if (!text.startsWith(answer)) throw new Error(`a client heard what it did not ask for: ${text}`);
  answers++;
  const at = sentAt[Number(text.slice(answer.length))];
  if (isWarm && at !== undefined) latencies.record((performance.now() - at) * 1000);
}

async function opened(number: number): Promise<WebSocket> {
  const each = urls.split(",");
  const url = new URL(each[number % each.length]!);
  url.searchParams.set("topic", `own.${number}`);
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("close", reject);
  });
  socket.addEventListener("message", ({ data }) => heard(String(data)));
  return socket;
}

const sockets: WebSocket[] = [];
while (sockets.length < Number(clients)) {
  const size = Math.min(handshakesMax, Number(clients) - sockets.length);
  const start = sockets.length;
  sockets.push(...(await Promise.all(Array.from({ length: size }, (_, index) => opened(start + index)))));
}

const startMs = performance.now();
const endMs = startMs + warmupMs + Number(seconds) * 1000;
for (let now = startMs; now < endMs; now = performance.now()) {
  isWarm ||= now - startMs >= warmupMs;
  while (sentAt.length < ((now - startMs) / 1000) * Number(rate)) {
    sentAt.push(performance.now());
    sockets[sentAt.length % sockets.length]!.send(`${sentAt.length - 1}`);
  }
  await Bun.sleep(1);
}
const deadlineMs = performance.now() + patienceMs;
while (answers < sentAt.length && performance.now() < deadlineMs) await Bun.sleep(5);
const ms = (share: number) => latencies.quantileMicros(share) / 1000;
process.stdout.write(
  `${JSON.stringify({ p50Ms: ms(0.5), p99Ms: ms(0.99), answers, sent: sentAt.length })}\n`,
);
process.exit();
