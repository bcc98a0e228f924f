import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, frameBytes, opcodes, type RawConnection } from "../support/raw.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount, within } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(2 * integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-slow-readers-"));
const silentHandler = join(folder, "silent.ts");
writeFileSync(silentHandler, "export default () => undefined;");
afterAll(() => rmSync(folder, { recursive: true }));

const padding = "x".repeat(64 * 1024);
/** More than Linux and the cap hold for a client. */
const messages = 256;

const metric = async (warren: WarrenProcess, name: string) => (await metricsOf(new URL(warren.url)))[name]!;
const cutOff = (warren: WarrenProcess) => metric(warren, 'warren_cut_off_total{cause="slow"}');

/** The numbers of the messages that a raw client got, plain or in MESSAGE frames. */
function numbersOf({ frames }: RawConnection, subscription?: string): number[] {
  return frames.flatMap(({ opcode, payload }) => {
    const text = opcode === opcodes.text ? Buffer.from(payload).toString() : "";
    if (subscription !== undefined && !text.includes(`\nsubscription:${subscription}\n`)) return [];
    const [, number] = /(?:^|\n\n)(\d+) x/.exec(text) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
}

const textsOf = ({ frames }: RawConnection) => frames.filter(({ opcode }) => opcode === opcodes.text).length;

const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);

/** Sends numbered messages, no faster than a witness gets them. */
async function sendAll(sender: Client, witness: Client): Promise<void> {
  const seen = () => witness.received.filter((message) => message.length > padding.length).length;
  for (let number = 0; number < messages; number++) {
    sender.send(`${number} ${padding}`);
    if (number % 8 === 7) await until(() => seen() > number, "the witness has them");
  }
}

const slowly = ["--log-messages", "off", "--max-messages-per-second", "100", "--flood-timeout", "1h"];

describe("a client that is held back and reads nothing", () => {
  for (const [what, protocol, hello] of [
    ["plain-text", undefined, ""],
    ["STOMP", "v12.stomp", "CONNECT\naccept-version:1.2\n\n\0SUBSCRIBE\nid:1\ndestination:/broadcast\n\n\0"],
  ] as const) {
    test(`over ${what} is cut off, and has no hole in what it got`, async () => {
      await using warren = await startWarren([
        ...slowly,
        "--client-buffer-bytes",
        "1MiB",
        "--handler",
        silentHandler,
      ]);
      await using sender = await connect(warren.wsUrl());
      await using witness = await connect(warren.wsUrl());
      await using slow = await connectRaw(warren.url, "/ws", {
        headers: protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol },
      });
      if (hello !== "") {
        slow.sendFrame(opcodes.text, hello);
        await until(async () => (await metric(warren, "warren_audiences")) === 1, "it has subscribed");
      }
      slow.stopReading();
      // Thirty times what it may send in a second: nothing is read from it for as long as this test lasts.
      for (let count = 0; count < 3000; count++) slow.sendFrame(opcodes.text, hello === "" ? "" : "\n");
      await until(async () => (await metric(warren, "warren_clients_over_rate")) > 0, "it is held back");
      const sending = sendAll(sender, witness);
      await until(async () => (await cutOff(warren)) === 1, "it is cut off");
      await sending;
      expect(await metric(warren, "warren_clients")).toBe(2);
      slow.readAgain();
      await within(slow.ended, "its connection to end");
      const got = numbersOf(slow);
      expect(got).toEqual(upTo(got.length));
    });
  }
});

describe("a client with durable subscriptions that reads nothing", () => {
  const body = "x".repeat(8 * 1024);
  /** More than Linux holds for a client, together. */
  const deliveries = 1500;

  test.each([
    ["64KiB", 1],
    ["64KiB", 5],
    ["4MiB", 5],
  ])(
    "stays connected at --client-buffer-bytes %s with %d of them, and gets everything once and in order",
    async (bufferBytes, count) => {
      const perRound = deliveries / count;
      await using warren = await startWarren([
        ...["--log-messages", "off", "--client-buffer-bytes", bufferBytes, "--log-memory-bytes", "64MiB"],
        ...["--handler", silentHandler],
      ]);
      await using sender = await connect(warren.wsUrl("/ws?topic=t"));
      await using witness = await connect(warren.wsUrl("/ws?topic=t"));
      await using slow = await connectRaw(warren.url, "/ws", {
        headers: { "Sec-WebSocket-Protocol": "v12.stomp" },
      });
      slow.sendFrame(opcodes.text, "CONNECT\naccept-version:1.2\n\n\0");
      const ids = Array.from({ length: count }, (_, index) => `s${index}`);
      for (const id of ids)
        slow.sendFrame(opcodes.text, `SUBSCRIBE\nid:${id}\ndestination:/topic/t\nx-stream-offset:next\n\n\0`);
      const atEnd = () => metric(warren, "warren_durable_subscriptions");
      await until(async () => (await atEnd()) === count, "they are at the end");
      for (const total of [perRound, 2 * perRound]) {
        slow.stopReading();
        for (let number = total - perRound; number < total; number++) {
          sender.send(`${number} ${body}`);
          if (number % 6 === 5) await until(() => witness.received.length > number, "the witness has them");
        }
        await until(async () => (await atEnd()) === 0, "they have left the end");
        expect(await metric(warren, "warren_backlog_bytes")).toBeLessThan(2 * 1024 ** 2);
        slow.readAgain();
        await until(() => slow.frames.length > total * count, "everything has come");
        await until(async () => (await atEnd()) === count, "they are back at the end");
      }
      for (const id of ids) expect(numbersOf(slow, id)).toEqual(upTo(2 * perRound));
      expect(slow.frames.some(({ payload }) => Buffer.from(payload).includes("x-stream-gap"))).toBe(false);
      expect(await cutOff(warren)).toBe(0);
    },
  );

  test("is not taken for gone however many pings it has yet to read, and one that has nothing to read is", async () => {
    await using system = startSystem(
      ["--ping-interval", "1s", "--max-messages-per-second", "0"],
      () => undefined,
    );
    await using sender = await connect(system.wsUrl("/ws?topic=t"));
    await using witness = await connect(system.wsUrl("/ws?topic=t"));
    const subscriber = async (id: string, topic: string) => {
      const connection = await connectRaw(system.url.href, `/ws/${id}`, {
        headers: { "Sec-WebSocket-Protocol": "v12.stomp" },
      });
      connection.sendFrame(
        opcodes.text,
        `CONNECT\naccept-version:1.2\n\n\0SUBSCRIBE\nid:1\ndestination:/topic/${topic}\nx-stream-offset:next\nreceipt:r\n\n\0`,
      );
      await until(() => textsOf(connection) === 2, "it has subscribed");
      return connection;
    };
    await using slow = await subscriber("slow", "t");
    slow.stopReading();
    for (let number = 0; number < deliveries; number++) {
      sender.send(`${number} ${body}`);
      if (number % 6 === 5) await until(() => witness.received.length > number, "the witness has them");
    }
    for (const gone of [1, 2]) {
      await using idle = await subscriber("idle", "nothing");
      idle.stopReading();
      await until(
        async () => (await metricsOf(system.url))["warren_clients_vanished_total"] === gone,
        "the one that has nothing to read is gone",
      );
    }
    let answered = 0;
    slow.readAgain();
    const hasAll = () => {
      const pings = slow.frames.filter(({ opcode }) => opcode === opcodes.ping).length;
      for (; answered < pings; answered++) slow.sendFrame(opcodes.pong, "");
      return textsOf(slow) === deliveries + 2;
    };
    await until(hasAll, "everything has come");
    expect(numbersOf(slow, "1")).toEqual(upTo(deliveries));
  });

  test("is cut off all the same if it has a live one besides", async () => {
    await using warren = await startWarren([
      "--log-messages",
      "off",
      "--client-buffer-bytes",
      "1MiB",
      "--handler",
      silentHandler,
    ]);
    await using sender = await connect(warren.wsUrl());
    await using witness = await connect(warren.wsUrl());
    await using slow = await connectRaw(warren.url, "/ws", {
      headers: { "Sec-WebSocket-Protocol": "v12.stomp" },
    });
    slow.sendFrame(
      opcodes.text,
      "CONNECT\naccept-version:1.2\n\n\0SUBSCRIBE\nid:live\ndestination:/broadcast\n\n\0SUBSCRIBE\nid:durable\ndestination:/broadcast\nx-stream-offset:next\n\n\0",
    );
    await until(
      async () => (await metric(warren, "warren_durable_subscriptions")) === 1,
      "both are in force",
    );
    slow.stopReading();
    await sendAll(sender, witness);
    await until(async () => (await cutOff(warren)) === 1, "it is cut off");
    slow.readAgain();
    await within(slow.ended, "its connection to end");
    for (const id of ["live", "durable"]) {
      const got = numbersOf(slow, id);
      expect(got).toEqual(upTo(got.length));
    }
  });
});

interface Player {
  readonly client: RawConnection;
  /** Of its subscriptions; a plain-text client has one without an id. */
  readonly ids: readonly (string | undefined)[];
  readonly isDurable: boolean;
  isReading: boolean;
}

async function enter(warren: WarrenProcess, random: SeededRandom): Promise<Player> {
  const kind = random.of(["text", "live", "durable", "durable", "both"]);
  if (kind === "text") {
    const client = await connectRaw(warren.url, "/ws?topic=t");
    return { client, ids: [undefined], isDurable: false, isReading: true };
  }
  const client = await connectRaw(warren.url, "/ws", { headers: { "Sec-WebSocket-Protocol": "v12.stomp" } });
  client.sendFrame(opcodes.text, "CONNECT\naccept-version:1.2\n\n\0");
  const ids = Array.from({ length: 1 + random.below(3) }, (_, index) => `s${index}`);
  for (const [index, id] of ids.entries()) {
    const isDurable = kind === "durable" || (kind === "both" && index === 0);
    const start = isDurable ? "x-stream-offset:next\n" : "";
    client.sendFrame(opcodes.text, `SUBSCRIBE\nid:${id}\nreceipt:${id}\ndestination:/topic/t\n${start}\n\0`);
  }
  const receipts = () => client.frames.filter(({ payload }) => Buffer.from(payload).includes("RECEIPT"));
  await untilCount(() => receipts().length, ids.length, "all are in force");
  const isDurable = kind === "durable" || (kind === "both" && ids.length === 1);
  return { client, ids, isDurable, isReading: true };
}

/** `FC_SEED=…` plays others. */
test.each([Number(Bun.env["FC_SEED"] ?? 1)])(
  "clients that read, stop, are held back and read again, by seed %d: durable ones get everything, live ones all or up to their end",
  async (seed) => {
    const random = new SeededRandom(seed);
    const count = 300;
    const body = "x".repeat(32 * 1024);
    await using warren = await startWarren([
      ...["--log-messages", "off", "--client-buffer-bytes", "1MiB", "--handler", silentHandler],
      ...["--max-messages-per-second", "500", "--flood-timeout", "1h", "--log-memory-bytes", "128MiB"],
      // Nobody answers pings here.
      ...["--ping-interval", "10m"],
    ]);
    await using sender = await connect(warren.wsUrl("/ws?topic=t"));
    await using witness = await connect(warren.wsUrl("/ws?topic=t"));
    const players = await Promise.all(Array.from({ length: 8 }, () => enter(warren, random)));
    try {
      for (let number = 0; number < count; number++) {
        sender.send(`${number} ${body}`);
        if (number % 10 !== 9) continue;
        await until(() => witness.received.length > number, "the witness has them");
        const player = random.of(players);
        // A heart-beat costs little: so many of them hold it back for a second.
        if (random.isOnceIn(3) && player.ids[0] !== undefined && !player.client.isEnded)
          await player.client.flood(frameBytes(opcodes.text, "\n".repeat(200_000)));
        player.isReading = random.isOnceIn(3);
        if (player.isReading) player.client.readAgain();
        else player.client.stopReading();
      }
      for (const { client } of players) client.readAgain();
      for (const { client, ids, isDurable } of players) {
        const got = () => ids.map((id) => numbersOf(client, id));
        const isWhole = () =>
          client.frames.length >= count * ids.length && got().every((numbers) => numbers.length >= count);
        await until(() => client.isEnded || isWhole(), "it has everything, or has been cut off", 30_000);
        if (isDurable) expect(client.isEnded).toBe(false);
        for (const numbers of got()) expect(numbers).toEqual(upTo(client.isEnded ? numbers.length : count));
      }
      expect(await cutOff(warren)).toBe(players.filter(({ client }) => client.isEnded).length);
    } finally {
      for (const { client } of players) await client[Symbol.asyncDispose]();
    }
  },
);

test("a client with a conflated subscription that reads nothing is not cut off, and gets the newest message of each topic in the end", async () => {
  await using warren = await startWarren([
    "--log-messages",
    "off",
    "--client-buffer-bytes",
    "1MiB",
    "--handler",
    silentHandler,
  ]);
  await using slow = await connectRaw(warren.url, "/ws", {
    headers: { "Sec-WebSocket-Protocol": "v12.stomp" },
  });
  slow.sendFrame(
    opcodes.text,
    "CONNECT\naccept-version:1.2\n\n\0SUBSCRIBE\nid:1\nx-conflate:true\ndestination:/topic/#\n\n\0",
  );
  await until(async () => (await metric(warren, "warren_audiences")) === 1, "it has subscribed");
  slow.stopReading();
  await using witness = await connect(warren.wsUrl());
  await using sender = await connect(warren.wsUrl());
  await using other = await connect(warren.wsUrl("/ws?topic=other"));
  other.send("0 x of another topic");
  const sending = sendAll(sender, witness);
  await sending;
  expect(await cutOff(warren)).toBe(0);
  slow.readAgain();
  await until(() => numbersOf(slow).at(-1) === messages - 1, "the newest message");
  const got = numbersOf(slow);
  expect(got.length).toBeLessThan(messages);
  expect(got.slice(1)).toEqual(got.slice(1).toSorted((one, two) => one - two));
  sender.send(`${messages} x`);
  await until(() => numbersOf(slow).at(-1) === messages, "what comes then");
});
