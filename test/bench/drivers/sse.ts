/**
 * `bun sse.ts sse|stomp LISTEN-URL PUBLISH-URL CLIENTS SECONDS PID`: clients listen over sockets that only count what ends a message, so that
 * all servers have the same listeners; one WebSocket publishes, and has no more on their way than a window. Prints as JSON deliveries a second, and what one
 * costs the server PID in CPU time.
 */
import { cpuSeconds } from "../systems/usage.ts";

const [kind, listenUrl, publishUrl, clients, seconds, pid] = process.argv.slice(2) as string[] as [
  string,
  string,
  string,
  string,
  string,
  string,
];

/** Occurs once in each message. */
const mark = "~".charCodeAt(0);
const body = `${"x".repeat(63)}~`;
/** How many messages may be on their way. */
const windowMessages = 200;
const warmupMs = 1000;

let heard = 0;
const count = Number(clients);
const url = new URL(listenUrl);

/** A STOMP frame in a WebSocket frame, masked with zeros, and short enough for the longer of the two short forms. */
function framed(text: string): Buffer {
  const payload = Buffer.from(text);
  const head =
    payload.length < 126
      ? [0x81, 0x80 | payload.length]
      : [0x81, 0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

for (let index = 0; index < count; index++) {
  let isOpen = false;
  const opened = Promise.withResolvers<void>();
  const greeting =
    kind === "sse"
      ? `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\n\r\n`
      : `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n`;
  await Bun.connect({
    hostname: url.hostname,
    port: Number(url.port),
    socket: {
      open: (socket) => void socket.write(greeting),
      data(socket, bytes) {
        if (!isOpen) {
          isOpen = true;
          if (kind === "stomp") {
            socket.write(framed("CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0"));
            socket.write(framed("SUBSCRIBE\nid:0\ndestination:/topic/bench\n\n\0"));
          }
          opened.resolve();
        }
        for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) heard++;
      },
      close: () => opened.reject(new Error("a listener was closed")),
    },
  });
  await opened.promise;
}

const publisher = new WebSocket(publishUrl);
await new Promise((resolve, reject) => {
  publisher.addEventListener("open", resolve);
  publisher.addEventListener("close", reject);
});
// Sends until all clients get it, since subscribing may take a moment.
for (let before = heard; ; before = heard) {
  publisher.send(body);
  await Bun.sleep(300);
  if (heard - before >= count) break;
}
await Bun.sleep(300);

let sent = 0;
const base = heard;
const startMs = performance.now();
const now = () => ({ ms: performance.now(), heard, cpu: cpuSeconds(Number(pid)) });
let from = now();
const endMs = startMs + warmupMs + Number(seconds) * 1000;
for (let isWarm = false; performance.now() < endMs; ) {
  if (!isWarm && performance.now() - startMs >= warmupMs) {
    isWarm = true;
    from = now();
  }
  while (sent * count - (heard - base) < windowMessages * count) {
    publisher.send(body);
    sent++;
  }
  await new Promise((resolve) => setImmediate(resolve));
}
const to = now();
const delivered = to.heard - from.heard;
const deliveries = delivered / ((to.ms - from.ms) / 1000);
const cpuUs = ((to.cpu - from.cpu) * 1e6) / delivered;
// Late messages have to come, too.
for (let waited = 0; heard - base < sent * count && waited < 10_000; waited += 50) await Bun.sleep(50);
process.stdout.write(`${JSON.stringify({ deliveries, cpuUs, missing: sent * count - (heard - base) })}\n`);
process.exit();
