/**
 * `bun attackers.ts URL KIND COUNT`: clients that mean no good, until it is killed, or after four minutes. Writes one line: when
 * all have begun, or, of a connection flood, when it is over.
 */
import { makeCloseFrame, makeFrame, opcodes } from "../../../src/bench/frames.ts";
import { busy, repeat } from "./busy.ts";
import { floods } from "./flood.ts";
import { beGreedy, greedy } from "./greedy.ts";
import { connectRaw, handshakeFor, type RawClient } from "./raw-client.ts";

/** The process ends after this time, even if its parent has died. */
const lifeMsMax = 240_000;
/** The pause between two attacks of an attacker. */
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

/** Sends invalid input, and connects again. */
async function malform(index: number): Promise<void> {
  const { socket, ended } = await open(index);
  socket.write(malformed[index % malformed.length]!);
  await Promise.race([ended, Bun.sleep(5000)]);
  socket.destroy();
}

const burst = Buffer.concat(
  Array.from({ length: 200 }, () => makeFrame(opcodes.text, Buffer.alloc(64, "x"))),
);

/** Sends as much as it can on a topic of its own until it is closed, and connects again. */
async function flood(index: number): Promise<void> {
  const { socket, ended } = await open(index);
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    // Unsent bytes wait in the kernel, and not here.
    if (socket.writableLength === 0) socket.write(burst);
    await Bun.sleep(20);
  }
}

/** Subscribes to the honest clients' topic, and reads nothing. */
async function neverRead(index: number): Promise<void> {
  const { socket, ended } = await open(index, honestTopic);
  socket.pause();
  await ended;
}

/** Linux takes some 4 MB for a client that does not read, before anything waits in the process that sends. */
const systemBytes = 4.3 * 1024 ** 2;
const bulk = makeFrame(opcodes.text, Buffer.alloc(16 * 1024, "x"));

/** Clients that stopped reading long ago, on a topic of their own to which messages are still sent. */
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
  // A low rate, since this does not measure the fan-out.
  const trickle = makeFrame(opcodes.text, Buffer.alloc(64, "x"));
  setInterval(() => void socket.write(trickle), 1000);
  return "ready";
}

/** Sends a request byte by byte, very slowly, until it is cut off, and connects again. */
async function slowloris(): Promise<void> {
  const { socket, ended } = await connectRaw(url, Buffer.from("GET /ws HTTP/1.1\r\nX: "));
  const dripping = setInterval(() => void socket.write("a"), 1000);
  await ended;
  clearInterval(dripping);
}

/** Connects and disconnects in a loop. */
async function reconnect(index: number): Promise<void> {
  const { socket } = await open(index, honestTopic);
  socket.end(makeCloseFrame(1000));
}

const mixed: readonly Attack[] = [malform, flood, neverRead, slowloris, reconnect];

/** Runs so many attackers in loops. Resolves when each has begun for the first time. */
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
    // They begin spread over a second or two.
    if (index % 32 === 31) await Bun.sleep(10);
  }
  await all.promise;
  return "ready";
}

/** Connects as fast as possible. */
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
