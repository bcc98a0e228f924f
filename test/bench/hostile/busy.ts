import { makeFrame, opcodes } from "../../../src/bench/frames.ts";
import { Handshake } from "../../../src/bench/handshake.ts";
import { connectRaw } from "./raw-client.ts";

/** How much an attacker writes at a time. In bytes, and less than a WebSocket message may have. */
const bulkBytes = 1_000_000;
/** How often it is checked whether the written bytes were taken. In milliseconds. */
const pauseMs = 20;
/** How long a connection is used for requests, in milliseconds. */
const connectionMs = 1000;
/** How many connections send requests, one after the other. */
const askersEach = 20;
/** Different variants of a request, so that none is answered from a cache. */
const variants = 200;

/** As many topics and patterns of many words as fit, which differ in one word. */
const words = (count: number) => Array.from({ length: count }, () => "a").join(".");
const send = (topic: string) => `SEND\ndestination:${topic}\n\n\0`;
const subscribe = (id: number, pattern: string) => `SUBSCRIBE\nid:${id}\ndestination:${pattern}\n\n\0`;
const fill = (frames: (index: number) => string) => {
  let bulk = "";
  for (let index = 0; bulk.length < bulkBytes; index++) bulk += frames(index % variants);
  return bulk;
};
const stomp = (frames: (index: number) => string) => () =>
  makeFrame(opcodes.binary, Buffer.from(fill(frames)));
/** A WebSocket frame without a payload. */
const emptyFrame = (head: number) => Uint8Array.of(head, 0x80, 0, 0, 0, 0);
const control = (frame: Uint8Array) => () =>
  Buffer.concat(Array.from({ length: bulkBytes / 4 / frame.byteLength }, () => frame));

/** How many connections subscribe with ids of their own, beside one that sends. */
const subscribersEach = 20;

/** The frames that are sent once, and those that are repeated. */
interface Business {
  readonly first?: string;
  readonly bulk: () => Uint8Array;
}

/** Topics of which there is a newest message. */
const lastTopics = 20_000;

/** As many subscriptions as a client may have, each from another time, and their UNSUBSCRIBEs. */
const manyTimes = (index: number) =>
  Array.from({ length: 90 }, (_, at) =>
    subscribe(at, `/topic/times.${at}\nx-stream-offset:timestamp=${90 * index + at}`),
  ).join("") + Array.from({ length: 90 }, (_, at) => `UNSUBSCRIBE\nid:${at}\n\n\0`).join("");

const businesses: Readonly<Record<string, Business>> = {
  sends: { bulk: stomp(() => send("/topic/x")) },
  begins: { bulk: stomp(() => "BEGIN\ntransaction:t\n\n\0ABORT\ntransaction:t\n\n\0") },
  churn: { bulk: stomp((index) => `${subscribe(1, `/topic/c.${index}.*`)}UNSUBSCRIBE\nid:1\n\n\0`) },
  alike: {
    first: Array.from({ length: 99 }, (_, index) =>
      subscribe(index, `/topic/${"a.".repeat(15)}${"*.".repeat(15)}${index}`),
    ).join(""),
    bulk: stomp(() => `${subscribe(99, "/topic/#")}UNSUBSCRIBE\nid:99\n\n\0`),
  },
  pongs: { bulk: control(makeFrame(opcodes.pong, Buffer.alloc(0))) },
  fragments: {
    bulk: () =>
      Buffer.concat([
        emptyFrame(opcodes.binary),
        ...Array.from({ length: bulkBytes / 4 / 6 }, () => emptyFrame(0)),
        emptyFrame(0x80),
      ]),
  },
  "line-ends": { bulk: stomp(() => "\n") },
  patterns: {
    first: Array.from({ length: 25 }, (_, index) =>
      subscribe(index, `/topic/#.a.*.a.*.a.${index % 2 ? "*" : "a"}.b.#${".*".repeat(index % 9)}.#.a`),
    ).join(""),
    bulk: stomp((index) => send(`/topic/${words(60)}.b.${index}.${words(60)}`)),
  },
  overlaps: {
    first: Array.from({ length: 25 }, (_, index) =>
      subscribe(index, "/topic/#").replace("id:", `id:${crypto.randomUUID()}`),
    ).join(""),
    bulk: stomp((index) => send(`/topic/overlap.${index}`)),
  },
  "overlaps in the log": {
    first: Array.from({ length: 25 }, (_, index) =>
      subscribe(index, "/topic/#\nx-stream-offset:next").replace("id:", `id:${crypto.randomUUID()}`),
    ).join(""),
    bulk: stomp((index) => send(`/topic/overlap.${index}`)),
  },
  "log's beginnings": {
    bulk: stomp(
      (index) => `${subscribe(1, `/topic/b.${index}.#\nx-stream-offset:first`)}UNSUBSCRIBE\nid:1\n\n\0`,
    ),
  },
  "many times": {
    first: Array.from({ length: lastTopics }, () => send("/topic/times")).join(""),
    bulk: stomp((index) => manyTimes(index)),
  },
  watchers: {
    first: Array.from({ length: 25 }, (_, index) => subscribe(index, "/presence/watched")).join(""),
    bulk: stomp(() => `${subscribe(99, "/topic/watched")}UNSUBSCRIBE\nid:99\n\n\0`),
  },
  "newest messages": {
    first: Array.from({ length: lastTopics }, (_, index) => send(`/topic/last.${index}`)).join(""),
    bulk: stomp(
      (index) =>
        `SUBSCRIBE\nid:1\ndestination:/topic/last.#.${index}\nx-stream-offset:last\n\n\0UNSUBSCRIBE\nid:1\n\n\0`,
    ),
  },
  times: {
    first: Array.from({ length: lastTopics }, () => send("/topic/times")).join(""),
    bulk: stomp(
      (index) =>
        `SUBSCRIBE\nid:1\ndestination:/topic/times\nx-stream-offset:timestamp=${index}\n\n\0UNSUBSCRIBE\nid:1\n\n\0`,
    ),
  },
  keys: {
    bulk: () => {
      let frames = "";
      while (frames.length < bulkBytes)
        frames += `SEND\ndestination:/topic/x\nidempotency-key:${crypto.randomUUID()}\n\n\0`;
      return makeFrame(opcodes.binary, Buffer.from(frames));
    },
  },
  presence: {
    first: subscribe(0, "/topic/presence"),
    bulk: stomp((index) => `${subscribe(1, `/presence/p.${index}`)}UNSUBSCRIBE\nid:1\n\n\0`),
  },
};

/** The kinds of attackers. Each keeps the manager busy in one way, until it is closed. */
export const busy: Readonly<Record<string, (url: URL) => Promise<void>>> = {
  ...Object.fromEntries(
    Object.entries(businesses).map(([kind, business]) => [kind, (url: URL) => repeat(url, business)]),
  ),
  "own ids": (url) => sendToOwnIds(url),
  requests: (url) =>
    ask(
      url,
      fill(() => `GET /nothing HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`),
    ),
  metrics: (url) => askInTurn(url, () => "GET /metrics"),
  polls: (url) => askInTurn(url, (index) => `GET /topics/poll.${index}?from=first&wait=1ms`),
  posts: (url) =>
    askInTurn(url, (index) => `POST /topics/post.${index}?client=hostile`, "Content-Length: 0\r\n"),
  events: (url) => askInTurn(url, () => "GET /topics/%23?from=first", "Accept: text/event-stream\r\n", false),
};

/** Some connections, each of which asks again after each answer, or connects again if the answer does not end. */
async function askInTurn(
  url: URL,
  targetOf: (index: number) => string,
  headers = "",
  isKept = true,
): Promise<void> {
  const untilMs = performance.now() + connectionMs;
  let index = 0;
  const next = () => `${targetOf(index++)} HTTP/1.1\r\nHost: ${url.host}\r\n${headers}\r\n`;
  const askOver = async () => {
    while (performance.now() < untilMs) {
      const { socket, ended, answered } = await connectRaw(url, Buffer.from(next()));
      if (isKept) socket.on("data", () => void (socket.writableLength === 0 && socket.write(next())));
      const leftMs = untilMs - performance.now();
      await Promise.race([isKept ? ended : answered, ended, Bun.sleep(leftMs)]);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: askersEach }, askOver));
}

/** Messages to one topic for all attackers, of which each has 500 subscriptions with ids of their own to it. */
async function sendToOwnIds(url: URL): Promise<void> {
  const first = () =>
    Array.from(
      { length: 25 },
      () => `SUBSCRIBE\nid:${crypto.randomUUID()}\ndestination:/topic/many\n\n\0`,
    ).join("");
  const idle = () => makeFrame(opcodes.binary, Buffer.from("\n"));
  await Promise.all([
    repeat(url, { bulk: stomp(() => send("/topic/many")) }),
    ...Array.from({ length: subscribersEach }, () => repeat(url, { first: first(), bulk: idle })),
  ]);
}

/** Pipelined requests over a connection that ends after them. */
async function ask(url: URL, requests: string): Promise<void> {
  const { socket, ended } = await connectRaw(url, Buffer.from(requests));
  await Promise.race([ended, Bun.sleep(connectionMs)]);
  socket.destroy();
}

/** Repeats frames as fast as they are read, until the connection is closed. */
export async function repeat(url: URL, { first = "", bulk }: Business): Promise<void> {
  const { socket, answered, ended } = await connectRaw(url, new Handshake(url, "v12.stomp").request);
  let hasEnded = (await answered) !== 101;
  void ended.then(() => {
    hasEnded = true;
  });
  socket.write(makeFrame(opcodes.binary, Buffer.from(`CONNECT\naccept-version:1.2\nhost:h\n\n\0${first}`)));
  const bytes = bulk();
  while (!hasEnded) {
    // Unsent bytes wait in the kernel, and not here.
    if (socket.writableLength === 0) socket.write(bytes);
    await Bun.sleep(pauseMs);
  }
  socket.destroy();
}
