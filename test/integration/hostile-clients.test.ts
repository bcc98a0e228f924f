import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, frameBytes, opcodes, type RawConnection } from "../support/raw.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(2 * integrationTimeoutMs);

const mebibyte = 1024 ** 2;

const metric = async (warren: WarrenProcess, name: string) => (await metricsOf(new URL(warren.url)))[name]!;
const residentBytes = (warren: WarrenProcess) => metric(warren, "process_resident_memory_bytes");

/** So many hostile clients, for as long as `use` takes. */
async function withClients(
  warren: WarrenProcess,
  count: number,
  prepare: (client: RawConnection) => void,
  use: (clients: readonly RawConnection[]) => Promise<void>,
  headers: Record<string, string> = {},
): Promise<void> {
  const clients: RawConnection[] = [];
  try {
    for (let index = 0; index < count; index++) {
      const client = await connectRaw(warren.url, "/ws", { headers });
      clients.push(client);
      prepare(client);
    }
    await use(clients);
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }
}

describe("clients that do not read", () => {
  const bufferBytes = 128 * 1024;
  const subscribe = "CONNECT\naccept-version:1.2\n\n\0SUBSCRIBE\nid:1\ndestination:/broadcast\n\n\0";

  for (const [what, protocol] of [
    ["plain-text", undefined],
    ["STOMP", "v12.stomp"],
  ] as const) {
    test(`over ${what} are disconnected, what waited for them is bounded, and the others lose nothing`, async () => {
      await using warren = await startWarren([
        ...["--log-messages", "off", "--client-buffer-bytes", "128KiB", "--role", "manager"],
        // Nobody reads from it: what is measured is the clients' side.
        ...["--broker", "amqp://127.0.0.1:1", "--outbox-max-bytes", "1GiB", "--stop-timeout", "1s"],
      ]);
      await using anna = await connect(warren.wsUrl());
      await using ben = await connect(warren.wsUrl());
      const stuck = 40;
      const prepare = (client: RawConnection) => {
        if (protocol !== undefined) client.sendFrame(opcodes.text, subscribe);
        client.stopReading();
      };
      const headers: Record<string, string> =
        protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol };
      await withClients(
        warren,
        stuck,
        prepare,
        async () => {
          if (protocol !== undefined)
            await until(async () => (await metric(warren, "warren_audiences")) === 1, "the subscriptions");
          const before = await residentBytes(warren);
          const message = "x".repeat(64 * 1024);
          let most = before;
          let sent = 0;
          // Linux takes some megabytes for each of them before anything waits in the process.
          while ((await metric(warren, "warren_clients")) > 2) {
            if (sent > 1000) throw new Error("they are still connected");
            for (let count = 0; count < 10; count++) {
              anna.send(message);
              sent++;
              await until(() => ben.received.length === sent, "what anna sent");
            }
            most = Math.max(most, await residentBytes(warren));
          }
          expect(ben.received.every((text) => text === message)).toBe(true);
          // Buffers grow by doubling. The messages themselves wait in the outbox, once as text.
          const boundBytes = stuck * 2 * bufferBytes + 4 * sent * message.length + 32 * mebibyte;
          expect(most - before).toBeLessThan(boundBytes);
        },
        headers,
      );
    });
  }

  test("and send pings without end are disconnected, since a ping counts as a message", async () => {
    const limits = ["--max-messages-per-second", "1000", "--flood-timeout", "1s"];
    await using warren = await startWarren(["--log-messages", "off", ...limits]);
    await using anna = await connect(warren.wsUrl());
    await using ben = await connect(warren.wsUrl());
    const mallory = await connectRaw(warren.url, "/ws");
    mallory.stopReading();
    const ping = frameBytes(opcodes.ping, "x".repeat(125));
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => ping));
    const flooding = (async () => {
      while (await mallory.flood(pings));
    })();
    await until(async () => (await metric(warren, "warren_clients")) === 2, "it was disconnected", 30_000);
    expect(await metric(warren, 'warren_closed_total{code="4429"}')).toBe(1);
    // Since it reads nothing, it would not notice by itself.
    await mallory[Symbol.asyncDispose]();
    await flooding;
    anna.send("still here");
    expect(await ben.next((text) => text === "still here")).toBe("still here");
  });
});

describe("messages begun and never finished", () => {
  test("take no memory for what they declare, only for what has come", async () => {
    await using warren = await startWarren(["--log-messages", "off"]);
    await using anna = await connect(warren.wsUrl("/ws?topic=safe"));
    await using ben = await connect(warren.wsUrl("/ws?topic=safe"));
    // 1 MiB, of which one byte comes.
    const begun = frameBytes(opcodes.binary, "x", { length: [127, 0, 0, 0, 0, 0, 0x10, 0, 0] });
    const before = await residentBytes(warren);
    await withClients(
      warren,
      500,
      (client) => client.sendBytes(begun),
      async () => {
        expect(await metric(warren, "warren_clients")).toBe(502);
        expect((await residentBytes(warren)) - before).toBeLessThan(64 * mebibyte);
        anna.send("still here");
        expect(await ben.next((text) => text === "still here")).toBe("still here");
      },
    );
  });
});

test("a thousand connections that go at once, again and again, leave nothing behind", async () => {
  await using warren = await startWarren(["--log-messages", "off", "--max-connections-per-second", "0"]);
  const round = async () => {
    for (let times = 0; times < 10; times++) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const client = await connectRaw(warren.url, "/ws");
          client.sendFrame(opcodes.text, "hello");
          await client[Symbol.asyncDispose]();
          await within(client.ended, "its end");
        }),
      );
    }
    await until(async () => (await metric(warren, "warren_clients")) === 0, "all have gone");
    return await residentBytes(warren);
  };
  // What the process grows to in its first thousands of connections it keeps: by 20 MiB until about the eighth (seen in sixteen).
  for (let warmUp = 0; warmUp < 8; warmUp++) await round();
  const before = await round();
  for (let times = 0; times < 2; times++) await round();
  expect((await round()) - before).toBeLessThan(16 * mebibyte);
  expect(await metricsOf(new URL(warren.url))).toMatchObject({ warren_topics: 0, warren_outbox_bytes: 0 });
});

describe("clients that do not finish what they begin", () => {
  const headers = { "Sec-WebSocket-Protocol": "v12.stomp" };
  const connectFrame = "CONNECT\naccept-version:1.2\n\n\0";

  test("are disconnected when it is too much for all together, those with the most first, and are told why", async () => {
    await using warren = await startWarren(["--log-messages", "off", "--clients-memory-bytes", "8MiB"]);
    await using anna = await connect(warren.wsUrl());
    const body = "x".repeat(256 * 1024);
    const send = `SEND\ndestination:/topic/t\ntransaction:t\n\n${body}\0`;
    await withClients(
      warren,
      4,
      (client) => client.sendFrame(opcodes.text, `${connectFrame}BEGIN\ntransaction:t\n\n\0`),
      async (clients) => {
        // 0.5, 1, 1.5 and 2 MiB, of text that takes as many bytes again for each: below what all may have.
        for (const [index, client] of clients.entries())
          for (let count = 0; count < 2 * (index + 1); count++)
            await client.flood(frameBytes(opcodes.text, send));
        const kept = () => metric(warren, "warren_clients_kept_bytes");
        await until(async () => (await kept()) >= 5 * mebibyte, "what they have begun is kept");
        expect(await metric(warren, 'warren_cut_off_total{cause="memory"}')).toBe(0);
        const worst = clients[3]!;
        for (let count = 0; count < 6; count++) await worst.flood(frameBytes(opcodes.text, send));
        await clients[2]!.flood(frameBytes(opcodes.text, `SEND\ndestination:/topic/t\n\n${body.repeat(3)}`));
        await clients[1]!.flood(frameBytes(opcodes.text, `SEND\ndestination:/topic/t\n\n${body.repeat(3)}`));
        await clients[0]!.flood(frameBytes(opcodes.text, `SEND\ndestination:/topic/t\n\n${body.repeat(3)}`));
        expect(await worst.closeCode()).toBe(4507);
        await until(async () => (await kept()) <= 8 * mebibyte, "the others may keep what they have");
        anna.send("still served");
        expect(await metric(warren, "warren_clients")).toBeGreaterThanOrEqual(3);
      },
      headers,
    );
    await until(
      async () => (await metric(warren, "warren_clients_kept_bytes")) === 0,
      "nothing is kept any more",
    );
  });

  test("have as long for a frame as --message-timeout says, also while they answer pings", async () => {
    await using warren = await startWarren([
      "--log-messages",
      "off",
      "--message-timeout",
      "1s",
      "--ping-interval",
      "1s",
    ]);
    await withClients(
      warren,
      1,
      (client) => client.sendFrame(opcodes.text, `${connectFrame}SEND\ndestination:/topic/t\n\nx`),
      async ([client]) => {
        expect(await client!.closeCode()).toBe(4408);
        expect(await metric(warren, 'warren_stomp_errors_total{reason="messageTime"}')).toBe(1);
      },
      headers,
    );
  });
});

describe("WebSocket messages of which the end does not come", () => {
  const half = frameBytes(opcodes.binary, Buffer.alloc(900 * 1024, "x"), { final: false });
  const pong = frameBytes(opcodes.pong, "");

  test("count for their clients, also before CONNECT, and have as long as --message-timeout says, whatever pings are answered", async () => {
    await using warren = await startWarren([
      ...["--log-messages", "off", "--clients-memory-bytes", "16MiB", "--message-timeout", "4s"],
      ...["--handshake-timeout", "60s", "--ping-interval", "1s"],
    ]);
    await using anna = await connect(warren.wsUrl());
    await using ben = await connect(warren.wsUrl());
    let endedCount = 0;
    await withClients(
      warren,
      40,
      (client) => void client.ended.then(() => endedCount++),
      async (clients) => {
        const answering = setInterval(() => {
          for (const client of clients) if (!client.isEnded) void client.flood(pong);
        }, 200);
        try {
          await Promise.all(clients.map((client) => client.flood(half)));
          // 16 MiB are 18 of them.
          await until(() => endedCount >= 22, "those that are too many have gone");
          await until(
            async () => (await metric(warren, "warren_clients_kept_bytes")) <= 16 * mebibyte,
            "the others have what they may",
          );
          await until(() => endedCount === clients.length, "their time is over", 30_000);
        } finally {
          clearInterval(answering);
        }
      },
      { "Sec-WebSocket-Protocol": "v12.stomp" },
    );
    expect(await metric(warren, 'warren_cut_off_total{cause="memory"}')).toBeGreaterThan(0);
    expect(await metric(warren, 'warren_closed_total{code="4408"}')).toBeGreaterThan(0);
    await until(
      async () => (await metric(warren, "warren_clients_kept_bytes")) === 0,
      "nothing is kept any more",
    );
    anna.send("still here");
    expect(await ben.next((text) => text === "still here")).toBe("still here");
    expect(await metric(warren, "warren_clients")).toBe(2);
  });

  test("are not suspected of a client that sends large ones to their end, and then nothing", async () => {
    await using warren = await startWarren([
      ...["--log-messages", "off", "--message-timeout", "1s", "--ping-interval", "1s"],
      ...["--max-bytes-per-second", "0"],
    ]);
    await using anna = await connect(warren.wsUrl("/ws?topic=large"));
    await using ben = await connect(warren.wsUrl("/ws?topic=large"));
    const text = "€".repeat(150_000);
    for (let count = 1; count <= 10; count++) {
      anna.send(text);
      await until(() => ben.received.filter((got) => got === text).length === count, "it came");
    }
    // Nothing for longer than a message may take.
    await Bun.sleep(2500);
    anna.send("the last one");
    expect(await ben.next((last) => last === "the last one")).toBe("the last one");
  });
});
