import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../support/client.ts";
import { connectRaw, opcodes, type RawConnection } from "../support/raw.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";
import { metricsOf } from "./metrics-of.ts";

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
