/**
 * `bun attackers.ts URL KIND COUNT`: clients that mean no good, until it is killed, or after four minutes. Writes one line: when
 * all have begun, or, of a connection flood, when it is over.
 */
import { makeCloseFrame, makeFrame, opcodes } from "../../../src/bench/frames.ts";
import { busy, repeat } from "./busy.ts";
import { floods } from "./flood.ts";
import { beGreedy, greedy } from "./greedy.ts";
import { connectRaw, handshakeFor, type RawClient } from "./raw-client.ts";

/** Nothing here runs for longer, whatever becomes of whoever started it. */
const lifeMsMax = 240_000;
/** Between an attacker's attacks. */
const pauseMs = 500;
/** Connections that are opened at a time. */
const atOnce = 256;

const [urlText, kind = "", countText] = process.argv.slice(2);
const url = new URL(urlText!);
const count = Number(countText);
setTimeout(() => process.exit(1), lifeMsMax);

type Attack = (index: number) => Promise<void>;

const honestTopic = handshakeFor(url, "");

async function open(index: number, request = handshakeFor(url, `hostile.${index}`)): Promise<RawClient> {
  const client = await connectRaw(url, request);
  if ((await client.answered) !== 101) client.socket.destroy();
  return client;
}

const byte = (value: number) => Uint8Array.of(value);
const malformed: readonly Uint8Array[] = [
  makeFrame(3, byte(0)),
  makeFrame(opcodes.text, byte(0xff)),
  makeFrame(opcodes.close, byte(0)),
  makeFrame(opcodes.ping, new Uint8Array(126)),
  Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from("GET / HTTP/1.1\r\n\r\n"),
];

/** Sends what no decent client sends, and comes back. */
async function malform(index: number): Promise<void> {
  const { socket, ended } = await open(index);
  socket.write(malformed[index % malformed.length]!);
  await Promise.race([ended, Bun.sleep(5000)]);
  socket.destroy();
}

const burst = Buffer.concat(
  Array.from({ length: 200 }, () => makeFrame(opcodes.text, Buffer.alloc(64, "x"))),
);

/** Sends as much as it can, on a topic of its own, until it is closed, and comes back. */
async function flood(index: number): Promise<void> {
  const { socket, ended } = await open(index);
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    // What is not taken waits in the system, and not here.
    if (socket.writableLength === 0) socket.write(burst);
    await Bun.sleep(20);
  }
}

/** Gets what everybody gets, and reads none of it. */
async function neverRead(index: number): Promise<void> {
  const { socket, ended } = await open(index, honestTopic);
  socket.pause();
  await ended;
}

/** Linux takes some 4 MB for a client that does not read, before anything waits in the process that sends. */
const systemBytes = 4.3 * 1024 ** 2;
const bulk = makeFrame(opcodes.text, Buffer.alloc(16 * 1024, "x"));

/** Clients on a topic of their own that have stopped reading long ago, and on which something goes on to be sent. */
async function stuck(): Promise<string> {
  const topic = handshakeFor(url, "hostile.stuck");
  const ready = attackForever(() => async (index) => {
    const { socket, ended } = await open(index, topic);
    socket.pause();
    await ended;
  });
  await ready;
  const { socket } = await open(-1, topic);
  for (let sent = 0; sent < systemBytes; sent += bulk.byteLength) {
    socket.write(bulk);
    await Bun.sleep(20);
  }
  // Little, since how much is sent to many is not what is measured here.
  const trickle = makeFrame(opcodes.text, Buffer.alloc(64, "x"));
  setInterval(() => void socket.write(trickle), 1000);
  return "ready";
}

/** Sends a byte of a request now and again, until it is cut off, and comes back. */
async function slowloris(): Promise<void> {
  const { socket, ended } = await connectRaw(url, Buffer.from("GET /ws HTTP/1.1\r\nX: "));
  const dripping = setInterval(() => void socket.write("a"), 1000);
  await ended;
  clearInterval(dripping);
}

/** Connects and goes at once, again and again. */
async function reconnect(index: number): Promise<void> {
  const { socket } = await open(index, honestTopic);
  socket.end(makeCloseFrame(1000));
}

const mixed: readonly Attack[] = [malform, flood, neverRead, slowloris, reconnect];

/** So many attackers, each again and again. Resolves when each has begun for the first time. */
async function attackForever(attackOf: (index: number) => Attack): Promise<string> {
  let begun = 0;
  const all = Promise.withResolvers<void>();
  for (let index = 0; index < count; index++) {
    const attack = attackOf(index);
    void (async () => {
      for (let isFirst = true; ; isFirst = false) {
        const attacking = attack(index).catch(() => undefined);
        if (isFirst && ++begun === count) all.resolve();
        await attacking;
        await Bun.sleep(pauseMs * (0.5 + Math.random()));
      }
    })();
    // They begin within a second or two, and not in one moment.
    if (index % 32 === 31) await Bun.sleep(10);
  }
  await all.promise;
  return "ready";
}

/** Connection attempts as fast as they go. */
async function floodOfConnections(): Promise<string> {
  const tally = { letIn: 0, refused: 0, failed: 0 };
  const startedMs = performance.now();
  let left = count;
  const attempt = async () => {
    while (left-- > 0) {
      try {
        const { socket, answered } = await connectRaw(url, handshakeFor(url, ""));
        const status = await answered;
        socket.destroy();
        if (status === 101) tally.letIn++;
        else if (status === 503) tally.refused++;
        else tally.failed++;
      } catch {
        tally.failed++;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, attempt));
  return JSON.stringify({ ...tally, seconds: (performance.now() - startedMs) / 1000 });
}

const businesses = Object.keys(busy);
const greeds = Object.keys(greedy);

const kinds: Record<string, () => Promise<string>> = {
  mixed: () => attackForever((index) => mixed[index % mixed.length]!),
  stuck,
  connections: floodOfConnections,
  busy: () => attackForever((index) => () => busy[businesses[index % businesses.length]!]!(url)),
  ...Object.fromEntries(businesses.map((kind) => [kind, () => attackForever(() => () => busy[kind]!(url))])),
  ...Object.fromEntries(
    Object.entries(floods).map(([flood, bulk]) => [
      flood,
      () => attackForever(() => () => repeat(url, { bulk })),
    ]),
  ),
  greedy: () => attackForever((index) => () => beGreedy(url, greeds[index % greeds.length]!)),
  ...Object.fromEntries(
    greeds.map((greed) => [greed, () => attackForever(() => () => beGreedy(url, greed))]),
  ),
};

const run = kinds[kind];
if (run === undefined) throw new Error(`a kind is one of ${Object.keys(kinds).join(", ")}`);
process.stdout.write(`${await run()}\n`);
