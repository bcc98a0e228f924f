/**
 * `bun holders.ts NAME`: fills one of the things that keep what clients say, with what takes the most memory, and shows by how
 * much the process has grown. `memory.test.ts` runs them.
 */
import type { PublishLink } from "../../../src/broker/broker.ts";
import { MemoryBroker, queueBytesMax } from "../../../src/broker/memory.ts";
import { receiptCostBytes } from "../../../src/costs.ts";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { contentsOf, seal } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import type { ClientSocket } from "../../../src/gateway/clients/client.ts";
import { LastValues } from "../../../src/gateway/durable/last-values.ts";
import { Audiences } from "../../../src/gateway/fan-out/audiences.ts";
import { Conflated } from "../../../src/gateway/fan-out/conflated.ts";
import { Once } from "../../../src/gateway/fan-out/once.ts";
import { stompEncoding } from "../../../src/gateway/stomp/encoding.ts";
import { messageOf } from "../../../src/gateway/stomp/sent-message.ts";
import { Transactions } from "../../../src/gateway/stomp/transactions.ts";
import { LogRecord, type Opener } from "../../../src/log/record.ts";
import { LogWindow } from "../../../src/log/window.ts";
import type { OutgoingMessage } from "../../../src/message.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { WatchedTopic } from "../../../src/presence/watched-topic.ts";
import { StompFault } from "../../../src/wire/stomp/fault.ts";
import type { Frame } from "../../../src/wire/stomp/frames.ts";
import { FrameParser } from "../../../src/wire/stomp/parser.ts";
import { frameLimits } from "../../support/frame-limits.ts";
import { framesIn } from "../../support/frames-in.ts";
import { type Holder, measure } from "../../support/growth.ts";

/** The frames that a client's bytes make. */
function* framesOf(bytes: Buffer): Iterable<Frame> {
  for (const next of framesIn(new FrameParser(frameLimits(1024 ** 2)), bytes)) {
    if (next instanceof StompFault) throw next;
    yield next;
  }
}

/** Headers that nobody keeps, as long as a head may be. */
const ballast = Array.from({ length: 7 }, (_, index) => `x-${index}:${"x".repeat(8000)}\n`).join("");

const capBytes = 8 * 1024 ** 2;

/** Heads as large as they may be, in the ways that take the most memory. Each is another one with another index. */
const heads: Record<string, (index: number) => string> = {
  "long values": (index) =>
    Array.from({ length: 7 }, (_, at) => `long-${at}:${index}${"x".repeat(8000)}\n`).join(""),
  "many headers": (index) => Array.from({ length: 60 }, (_, at) => `n${index}.${at}:${at}\n`).join(""),
  "one header": (index) => `n${index}:\n`,
  "wide texts": (index) =>
    Array.from({ length: 20 }, (_, at) => `w${at}:${index}x${"日".repeat(900)}\n`).join(""),
  "nearly Latin-1": (index) =>
    Array.from({ length: 7 }, (_, at) => `w${at}:${index}${"x".repeat(8000)}日\n`).join(""),
  nothing: () => "",
  "long topics": () => "",
  // All of these by turns: what one kind rounds off, another does not make up for.
  mixed: (index) => heads[mixture[index % mixture.length]!]!(index),
};

const mixture = [
  "long values",
  "many headers",
  "one header",
  "wide texts",
  "nearly Latin-1",
  "nothing",
] as const;

function messageWith(head: keyof typeof heads, index: number, body = ""): OutgoingMessage {
  const topic = head === "long topics" ? `${index}`.padEnd(255, "x") : "t";
  const bytes = Buffer.from(`SEND\ndestination:/topic/${topic}\n${heads[head]!(index)}\n${body}\0`);
  for (const frame of framesOf(bytes)) return messageOf(frame, "client");
  throw new TypeError("no frame");
}

/** Transactions filled to their cap. */
function transactions(head: keyof typeof heads, receiptOf: (index: number) => string | undefined) {
  const held = new Transactions(capBytes);
  held.begin("t");
  try {
    for (let index = 0; ; index++)
      held.add("t", { message: messageWith(head, index), receipt: receiptOf(index) });
  } catch (error) {
    if (!(error instanceof StompFault)) throw error;
  }
  return { held, capBytes };
}

/** An outbox whose broker takes everything and confirms nothing. */
function outbox(head: keyof typeof heads, receiptOf: (index: number) => string | undefined) {
  const held = new Outbox("app", false, { bytesMax: capBytes });
  for (let index = 0; !held.isFull; index++) {
    const receipt = receiptOf(index);
    let left = 1;
    const waiter = {
      confirmed: () => {
        left--;
        if (left === 0) process.stdout.write(receipt!);
      },
      setAside: (why: string) => void process.stdout.write(receipt! + why),
    };
    held.append(
      messageWith(head, index),
      receipt === undefined ? undefined : waiter,
      receiptCostBytes(receipt),
    );
  }
  return { held, capBytes };
}

function window(envelopeOf: (index: number) => Envelope) {
  const held = new LogWindow(capBytes);
  const opener: Opener = (record, envelope) => contentsOf(envelope, `${record.offset}`);
  for (let index = 0; held.begin < 10; index++)
    held.append(new LogRecord(index, "wsmanager", envelopeOf(index), opener));
  for (let sequence = held.begin; sequence < held.end; sequence++) void held.at(sequence)!.messages;
  return { held, capBytes };
}

/** As amqplib has it: a part of a large buffer. */
function delivered(message: OutgoingMessage, index: number): Envelope {
  const envelope = seal(message, `id-${index}`, "app", 0);
  const received = Buffer.allocUnsafeSlow(64 * 1024);
  const length = envelope.body.copy(received, 1000);
  return { ...envelope, body: received.subarray(1000, 1000 + length) };
}

const emptyPack = (index: number): Envelope => ({
  ...seal({ body: "", topic: "" }, `id-${index}`, "app", 0),
  body: pack(Array.from({ length: 5000 }, (_, at) => ({ body: "", topic: `${at}`, clientId: "c" }))),
  contentType: packedContentType,
});

function memoryBroker(messageOfIndex: (index: number) => OutgoingMessage) {
  const broker = new MemoryBroker();
  let isBlocked = false;
  let link: PublishLink | undefined;
  broker.attachPublisher("wsmanager", {
    waitingCount: 0,
    opened: (opened) => {
      link = opened;
    },
    confirmed: () => undefined,
    refused: () => undefined,
    blocked: (is) => {
      isBlocked = is;
    },
    closed: () => undefined,
  });
  broker.attachConsumer("g", 1, {
    opened: () => undefined,
    deliver: () => undefined,
    closed: () => undefined,
  });
  broker.start();
  return { broker, link: link!, isBlocked: () => isBlocked, messageOfIndex };
}

async function filledBroker(messageOfIndex: (index: number) => OutgoingMessage) {
  const { broker, link, isBlocked } = memoryBroker(messageOfIndex);
  for (let index = 0; !isBlocked(); index++) {
    link.send([seal(messageOfIndex(index), `id-${index}`, "app", 0)]);
    if (index % 100 === 0) await Bun.sleep(0);
  }
  return { held: broker, capBytes: queueBytesMax };
}

/** As many topics as one client may name in some seconds, each with this many subscriptions that match. */
function routes(subscriptions: number, matching: number, count: number) {
  const audiences = new Audiences("live");
  for (let index = 0; index < subscriptions; index++)
    audiences.join(
      index < matching ? "#" : `*.${index}.#`.padEnd(60, "x"),
      stompEncoding("1.2"),
      `s${index}`,
    );
  for (let index = 0; index < count; index++) audiences.route(`topic.${index}`.padEnd(200, "x"));
  return { held: audiences, capBytes: 16 * 1024 ** 2 };
}

/** The newest messages of topics, each another one. */
function newest(head: keyof typeof heads) {
  const held = new LastValues(capBytes);
  const opener: Opener = (record, envelope) => contentsOf(envelope, `${record.offset}`);
  for (let index = 0; held.isWhole; index++) {
    const message = { ...messageWith(head, index), topic: `topic.${index}` };
    held.put(new LogRecord(index, "wsmanager", delivered(message, index), opener));
  }
  return { held, capBytes };
}

/** Keys of messages that the broker does not confirm, each of a client of its own. @param repeats how often each is said again */
function keys(repeats: number) {
  const held = new Once({ windowMs: 120_000, bytesMax: capBytes });
  const told: string[] = [];
  const waiterOf = (text: string) => ({
    confirmed: () => void told.push(text),
    setAside: (why: string) => void told.push(text + why),
  });
  const add = (index: number) => {
    const message = { body: `${index}`, topic: "t", clientId: `client ${index}` };
    const key = `${index}`.padEnd(255, "x");
    const text = receipt(index);
    return held.admit(message, key, repeats > 0 ? waiterOf(text) : undefined, receiptCostBytes(text)).is;
  };
  if (repeats === 0) for (let index = 0; index < 40_000; index++) add(index);
  else {
    add(0);
    for (let index = 0; index < repeats; index++) if (add(0) === "too many") break;
  }
  return { held: { held, told }, capBytes };
}

/** What waits for a client that reads nothing, and wants the newest message of each topic. */
function conflated(bodyOf: (index: number) => string) {
  const audiences = new Audiences("live");
  const socket = {
    readyState: WebSocket.OPEN,
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    getBufferedAmount: () => capBytes,
  } as unknown as ClientSocket;
  const encoding = stompEncoding("1.2");
  const settle = () => undefined;
  const nobody = {
    settle,
    room: 0,
    sent: () => undefined,
    kept: () => undefined,
    delivered: () => undefined,
  };
  const held = new Conflated({ audiences, socket, pattern: "#", encoding, subscriptionId: "0", ...nobody });
  held.fallBehind(capBytes);
  return Promise.resolve().then(() => {
    for (let index = 0; held.keptBytes < capBytes; index++) {
      const message = { body: bodyOf(index), topic: `topic.${index}`, id: `${index}` };
      for (const { audiences: own, head } of audiences.route(message.topic))
        for (const { take } of own)
          take!(message.topic, encoding.join(head, encoding.tailOf(message, message.id, {})));
    }
    return { held, capBytes };
  });
}

/** Who is on a topic that somebody watches. */
function members(nameOf: (index: number) => string) {
  let bytes = 0;
  const held = new WatchedTopic("t", ["a"], (more) => {
    bytes += more;
  });
  held.state = "known";
  for (let index = 0; bytes < capBytes; index++)
    held.take("a", { topic: "t", joined: [nameOf(index)], left: [] });
  return { held, capBytes };
}

/** Clients that have sent a head, and not its body. */
function waitingForBodies(head: keyof typeof heads) {
  const held: FrameParser[] = [];
  let keptBytes = 0;
  for (let index = 0; keptBytes < capBytes; index++) {
    const parser = new FrameParser(frameLimits(1024 ** 2));
    parser.push(Buffer.from(`SEND\ndestination:/topic/t\ncontent-length:1000\n${heads[head]!(index)}\n`));
    if (parser.next() !== undefined) throw new TypeError("no body has come");
    keptBytes += parser.keptBytes;
    held.push(parser);
  }
  return { held, capBytes };
}

const receipt = (index: number) => `${index}`.padEnd(8000, "x");
const noReceipt = () => undefined;
const headNames = Object.keys(heads).filter((head) => head !== "mixed");

/** Caps, filled with what takes the most memory. */
export const caps: Record<string, Holder> = {
  ...Object.fromEntries(
    headNames.map((head) => [`open transactions: ${head}`, () => transactions(head, noReceipt)]),
  ),
  "open transactions: receipts": () => transactions("nothing", receipt),
  ...Object.fromEntries(headNames.map((head) => [`the outbox: ${head}`, () => outbox(head, noReceipt)])),
  "the outbox: receipts": () => outbox("nothing", receipt),
  "the outbox: short receipts": () => outbox("nothing", (index) => `${index}`),
  ...Object.fromEntries(
    headNames.map((head) => [
      `the log in memory: ${head}`,
      () => window((index) => delivered(messageWith(head, index), index)),
    ]),
  ),
  "the log in memory: bytes": () =>
    window((index) => delivered({ body: Buffer.from([255, index & 255]), topic: "t" }, index)),
  "the log in memory: packs that are read": () => window(emptyPack),
  "the embedded broker: nothing": () => filledBroker((index) => messageWith("nothing", index)),
  "the embedded broker: many headers": () => filledBroker((index) => messageWith("many headers", index)),
  "frames that wait for their bodies: mixed": () => waitingForBodies("mixed"),
  "the newest messages: mixed": () => newest("mixed"),
  "idempotency keys": () => keys(0),
  "idempotency keys: repeats that wait": () => keys(10_000),
  "conflated: nothing": () => conflated(() => ""),
  "members of a watched topic: wide names": () => members((index) => `${index}${"日".repeat(200)}`),
  "routes: 500 subscriptions": () => routes(500, 500, 1000),
  "routes: no subscription that matches": () => routes(1, 0, 40_000),
};

/** What is kept of many frames, of each a small part. */
export const parts: Record<string, Holder> = {
  "values of headers": () => {
    const held: string[] = [];
    for (let index = 0; index < 4000; index++) {
      for (const { headers } of framesOf(Buffer.from(`SEND\nname:value ${index}\n${ballast}\n\0`)))
        held.push(headers.get("name")!);
    }
    return { held, capBytes: 0 };
  },
  topics: () => {
    const held: string[] = [];
    for (let index = 0; index < 4000; index++) {
      for (const frame of framesOf(Buffer.from(`SEND\ndestination:/topic/t.${index}\n${ballast}\n\0`)))
        held.push(messageOf(frame, "c").topic);
    }
    return { held, capBytes: 0 };
  },
  bodies: () => {
    const held: unknown[] = [];
    for (let index = 0; index < 4000; index++) {
      const bytes = Buffer.from(`SEND\ndestination:/topic/t\n${ballast}\nbody ${index}\0`);
      for (const frame of framesOf(bytes)) held.push(messageOf(frame, "c").body);
    }
    return { held, capBytes: 0 };
  },
  "the beginnings of frames": () => {
    const held: FrameParser[] = [];
    const bytes = Buffer.from(`SEND\ndestination:/topic/t\n${ballast}\n\0SEND\n`);
    for (let index = 0; index < 4000; index++) {
      const parser = new FrameParser(frameLimits(1024 ** 2));
      parser.push(Buffer.from(bytes));
      while (parser.next() !== undefined);
      held.push(parser);
    }
    return { held, capBytes: 0 };
  },
};

if (import.meta.main) {
  const name = process.argv[2]!;
  await measure((parts[name] ?? caps[name])!);
}
