/**
 * Compares encodings for packs: `bun test/bench/encodings.ts [messages in a pack, 24]`. CPU time for each message of 64 bytes, from
 * 10 clients to 4 topics: to encode it, to decode it, and to find that nobody wants its topic, as most managers do with most packs. And the
 * bytes on the wire. `src/envelope/packing.ts` uses the best.
 */
import { pack } from "../../src/envelope/packing.ts";
import { topicsIn, unpack } from "../../src/envelope/unpacking.ts";
import type { OutgoingMessage } from "../../src/message.ts";

interface Encoding {
  readonly name: string;
  encode(messages: readonly OutgoingMessage[]): Buffer;
  decode(body: Buffer): OutgoingMessage[];
  /** Whether any of its topics has subscribers. */
  isWanted(body: Buffer, wants: (topic: string) => boolean): boolean;
}

/** Encodes the whole batch with one native call. */
const jsonArray: Encoding = {
  name: "JSON array",
  encode: (messages) =>
    Buffer.from(JSON.stringify(messages.map(({ topic, clientId, body }) => [topic, clientId, body]))),
  decode: (buffer) =>
    (JSON.parse(buffer.toString("utf8")) as [string, string, string][]).map(([topic, clientId, body]) => ({
      topic,
      clientId,
      body,
    })),
  isWanted: (buffer, wants) =>
    (JSON.parse(buffer.toString("utf8")) as [string][]).some(([topic]) => wants(topic)),
};

/** Lengths before each part, all in one buffer: u8 topic, u8 client id, u32 body. */
const lengthPrefixed: Encoding = {
  name: "length-prefixed binary",
  encode(messages) {
    let size = 0;
    for (const { topic, clientId = "", body } of messages)
      size += 6 + 3 * (topic.length + clientId.length + body.length);
    const buffer = Buffer.allocUnsafe(size);
    let at = 0;
    for (const { topic, clientId = "", body } of messages) {
      const topicBytes = buffer.write(topic, at + 6);
      const clientBytes = buffer.write(clientId, at + 6 + topicBytes);
      const bodyBytes = buffer.write(body as string, at + 6 + topicBytes + clientBytes);
      buffer[at] = topicBytes;
      buffer[at + 1] = clientBytes;
      buffer.writeUInt32BE(bodyBytes, at + 2);
      at += 6 + topicBytes + clientBytes + bodyBytes;
    }
    return buffer.subarray(0, at);
  },
  decode(buffer) {
    const messages: OutgoingMessage[] = [];
    for (let at = 0; at < buffer.length; ) {
      const topicAt = at + 6;
      const clientAt = topicAt + buffer.readUInt8(at);
      const bodyAt = clientAt + buffer.readUInt8(at + 1);
      const end = bodyAt + buffer.readUInt32BE(at + 2);
      messages.push({
        topic: buffer.toString("utf8", topicAt, clientAt),
        clientId: buffer.toString("utf8", clientAt, bodyAt),
        body: buffer.toString("utf8", bodyAt, end),
      });
      at = end;
    }
    return messages;
  },
  isWanted(buffer, wants) {
    for (let at = 0; at < buffer.length; ) {
      const topicAt = at + 6;
      const clientAt = topicAt + buffer[at]!;
      if (wants(buffer.toString("utf8", topicAt, clientAt))) return true;
      at = clientAt + buffer[at + 1]! + buffer.readUInt32BE(at + 2);
    }
    return false;
  },
};

/** One line of JSON for all, with the topics in it. This was the packed form until managers read topics before anything else. */
const oneLine: Encoding = {
  name: "one JSON line, bodies after it",
  encode: (messages) =>
    Buffer.from(
      `${JSON.stringify(messages.map(({ topic, clientId, body }) => [topic, clientId, Buffer.byteLength(body as string)]))}\n${messages.map(({ body }) => body as string).join("")}`,
    ),
  decode: unpack,
  isWanted: (buffer, wants) =>
    (JSON.parse(buffer.toString("utf8", 0, buffer.indexOf("\n"))) as [string][]).some(([topic]) =>
      wants(topic),
    ),
};

const encodings: readonly Encoding[] = [
  {
    name: "topics, JSON line, bodies",
    encode: pack,
    decode: unpack,
    isWanted: (body, wants) => topicsIn(body)!.some(wants),
  },
  oneLine,
  lengthPrefixed,
  jsonArray,
];

const count = Number(process.argv[2] ?? 24);
const batch: OutgoingMessage[] = Array.from({ length: count }, (_, index) => ({
  topic: `orders.${index % 4}`,
  clientId: `7b0c2f8e-91f2-4a57-8d4e-6a1b2c3d4e${10 + (index % 10)}`,
  body: `{"seq":${index},"text":"`.padEnd(62, "x").concat('"}'),
}));

const rounds = 7;
const repeats = Math.ceil(100_000 / count);
const cpuUs = (work: () => void) => {
  const before = process.cpuUsage();
  for (let i = 0; i < repeats; i++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / repeats / batch.length;
};
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

const results = encodings.map((encoding) => ({
  encoding,
  encode: [] as number[],
  decode: [] as number[],
  unwanted: [] as number[],
}));
const wanted = new Map([["orders.other", true]]);
const wants = (topic: string) => wanted.get(topic) === true;
for (let round = 0; round < rounds; round++) {
  for (const { encoding, encode, decode, unwanted } of results) {
    const body = encoding.encode(batch);
    encode.push(cpuUs(() => encoding.encode(batch)));
    decode.push(cpuUs(() => encoding.decode(body)));
    unwanted.push(cpuUs(() => encoding.isWanted(body, wants)));
  }
}
for (const { encoding, encode, decode, unwanted } of results) {
  const size = encoding.encode(batch).byteLength / batch.length;
  process.stdout.write(
    `${encoding.name.padEnd(32)} encode ${median(encode).toFixed(3)} us  decode ${median(decode).toFixed(3)} us  unwanted ${median(unwanted).toFixed(3)} us  ${size.toFixed(0)} bytes a message\n`,
  );
}
