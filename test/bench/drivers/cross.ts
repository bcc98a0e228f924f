/**
 * `bun cross.ts URL-A URL-B RATE SECONDS`: a client of one manager sends, and hears the processor's answers; a client of
 * another hears it. Prints the latencies of both ways as JSON.
 */
import { Histogram } from "../../../src/bench/histogram.ts";

const [urlA, urlB, rate, seconds] = process.argv.slice(2) as [string, string, string, string];

/** The warm-up: code is not compiled yet, and caches are cold. */
const warmupMs = 1000;

const answer = "processed message: ";
const across = new Histogram();
const back = new Histogram();
const sentAt: number[] = [];
let isWarm = false;

function note(histogram: Histogram, text: string): void {
  const at = sentAt[Number(text)];
  if (isWarm && at !== undefined) histogram.record((performance.now() - at) * 1000);
}

const a = await opened(urlA);
const b = await opened(urlB);
a.addEventListener("message", ({ data }) => {
  const text = String(data);
  if (text.startsWith(answer)) note(back, text.slice(answer.length));
});
b.addEventListener("message", ({ data }) => {
  if (!String(data).startsWith(answer)) note(across, String(data));
});
async function opened(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("close", reject);
  });
  return socket;
}

const startMs = performance.now();
const endMs = startMs + warmupMs + Number(seconds) * 1000;
for (let now = startMs; now < endMs; now = performance.now()) {
  isWarm ||= now - startMs >= warmupMs;
  while (sentAt.length < ((now - startMs) / 1000) * Number(rate)) {
    a.send(`${sentAt.length}`);
    sentAt.push(performance.now());
  }
  await Bun.sleep(1);
}
await Bun.sleep(500);
const ms = (histogram: Histogram) => histogram.quantileMicros(0.5) / 1000;
const heard = Math.min(across.total, back.total);
process.stdout.write(`${JSON.stringify({ acrossMs: ms(across), backMs: ms(back), heard })}\n`);
process.exit();
