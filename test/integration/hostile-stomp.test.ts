import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, frameBytes, opcodes } from "../support/raw.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { inPieces, stompInput } from "../support/stomp-fuzz.ts";
import { expectOrderlySession, expectSameInPieces } from "../support/stomp-fuzz-run.ts";
import { StompSide } from "../support/stomp-session.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(3 * integrationTimeoutMs);

const seed = Number(Bun.env["FC_SEED"] ?? 20_100);

test("a hundred thousand generated inputs are frames or an ERROR each, cut anywhere, and throw nothing", () => {
  const random = new SeededRandom(seed + 1);
  const side = new StompSide(4096);
  const ends = { "went on": 0, ended: 0 };
  for (let count = 0; count < 100_000; count++) {
    const input = stompInput(random);
    expectSameInPieces(input, random);
    ends[expectOrderlySession(side, input, random)]++;
    side.taken.length = 0;
  }
  expect(ends["went on"] + ends.ended).toBe(100_000);
});

describe("a running manager", () => {
  /** Hostile clients, one after another so many at a time. */
  const atOnce = 20;
  const roundsMax = 6;
  /** 2,500 clients that each leave 3 KiB behind come to it. */
  const grownBytesMax = 8 * 1024 ** 2;

  test("lives through thousands of hostile STOMP clients: the others' messages arrive, and memory ends where it began", async () => {
    await using warren = await startWarren(["--log-messages", "off", "--max-message-bytes", "64KiB"]);
    await using anna = await connect(warren.wsUrl("/ws?topic=safe"));
    await using ben = await connect(warren.wsUrl("/ws?topic=safe"));
    const random = new SeededRandom(seed + 2);
    let answered = 0;
    const attack = async () => {
      await using mallory = await connectRaw(warren.url, "/ws", {
        headers: { "Sec-WebSocket-Protocol": random.of(["v12.stomp", "v11.stomp"]) },
      });
      const opcode = random.of([opcodes.text, opcodes.binary, opcodes.binary]);
      mallory.sendFrame(opcode, "CONNECT\naccept-version:1.2,1.1\n\n\0");
      const frames = inPieces(stompInput(random), random).map((piece) => frameBytes(opcode, piece));
      await mallory.flood(Buffer.concat(frames));
      // A ping behind it is answered when all of it has been read, unless it was closed before.
      await mallory.flood(frameBytes(opcodes.ping, "p"));
      const isAnswered = () =>
        mallory.frames.some(({ opcode: got }) => got === opcodes.pong || got === opcodes.close);
      await within(Promise.race([until(isAnswered, "an answer"), mallory.ended]), "an end to it");
      answered++;
    };
    const round = async (attacks: number) => {
      let left = attacks;
      const attackInTurn = async () => {
        while (left-- > 0) await attack();
      };
      await Promise.all(Array.from({ length: atOnce }, attackInTurn));
    };
    const memory = async () => {
      await until(
        async () => (await metricsOf(new URL(warren.url)))["warren_clients"] === 2,
        "the hostile have gone",
      );
      return (await metricsOf(new URL(warren.url)))["process_resident_memory_bytes"]!;
    };

    // What the process grows to in its first thousands of connections it keeps.
    await round(3000);
    // What leaks does so in every round. What the collector of garbage has not come to yet, as on a busy machine, does not.
    let rounds = 0;
    let grownBytes: number;
    let restingBytes = await memory();
    do {
      await round(2500);
      const before = restingBytes;
      restingBytes = await memory();
      grownBytes = restingBytes - before;
      rounds++;
    } while (grownBytes >= grownBytesMax && rounds < roundsMax);
    expect(answered).toBe(3000 + 2500 * rounds);
    expect(grownBytes).toBeLessThan(grownBytesMax);

    anna.send("still here");
    expect(await ben.next((text) => text === "still here")).toBe("still here");
    await until(
      async () => (await metricsOf(new URL(warren.url)))["warren_outbox_bytes"] === 0,
      "nothing to wait for the broker",
    );
    expect(await metricsOf(new URL(warren.url))).toMatchObject({ warren_topics: 1, warren_audiences: 0 });
    expect(warren.log.filter(({ level }) => level !== "info")).toEqual([]);
  });
});
