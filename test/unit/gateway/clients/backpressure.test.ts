import { afterEach, beforeEach, describe, expect, jest, mock, test } from "bun:test";
import fc from "fast-check";
import { Backpressure } from "../../../../src/gateway/clients/backpressure.ts";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Holds } from "../../../../src/gateway/clients/holds.ts";
import { rounds } from "../../doubles/rounds.ts";
import { turn } from "../../doubles/turn.ts";

/** A socket that remembers what was done to it. */
class Socket {
  readonly calls: string[] = [];
  readonly data = { hasPublished: true };
  readyState: number = WebSocket.OPEN;

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  get isPaused(): boolean {
    return this.calls.at(-1) === "pause";
  }
}

/** So many clients, and an outbox that is full or not as the test says. */
function gateway(count: number) {
  const sockets = Array.from({ length: count }, () => new Socket());
  const outbox = { isFull: false };
  const holds = new Holds();
  const clients = sockets as unknown as ClientSocket[];
  const collect = mock();
  const backpressure = new Backpressure(holds, clients, () => outbox.isFull, collect);
  const paused = () => sockets.filter(({ isPaused }) => isPaused).length;
  return { sockets, clients, holds, outbox, backpressure, collect, paused };
}

const as = (socket: Socket | undefined) => socket as unknown as ClientSocket;

// Immediates stay real: `turn` waits for them.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("what a flood has left behind", () => {
  test("is collected when the outbox has been full for a second, once", () => {
    const { sockets, backpressure, collect } = gateway(2);
    for (const socket of sockets) backpressure.hold(as(socket));
    jest.advanceTimersByTime(999);
    expect(collect).toHaveBeenCalledTimes(0);
    jest.advanceTimersByTime(60_000);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  test("is collected when those held back alone wait for a second in which nothing leaves the outbox, once", () => {
    const { clients, backpressure, collect } = gateway(2);
    backpressure.holdAlone(clients[0]!);
    for (let step = 0; step < 5; step++) {
      jest.advanceTimersByTime(900);
      backpressure.progressed();
    }
    expect(collect).toHaveBeenCalledTimes(0);
    jest.advanceTimersByTime(60_000);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  test("is left to be where the outbox is full for moments only", () => {
    const { sockets, backpressure, collect } = gateway(1);
    for (let i = 0; i < 5; i++) {
      backpressure.hold(as(sockets[0]));
      jest.advanceTimersByTime(900);
      backpressure.release();
      jest.advanceTimersByTime(900);
    }
    expect(collect).toHaveBeenCalledTimes(0);
  });

  test("is nobody's concern any more when the gateway has closed", () => {
    const { sockets, backpressure } = gateway(1);
    backpressure.hold(as(sockets[0]));
    backpressure.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("while the outbox is full", () => {
  test("a client is held back once, however much it had sent already, and let go once", () => {
    const { sockets, holds, backpressure } = gateway(1);
    backpressure.hold(as(sockets[0]));
    backpressure.hold(as(sockets[0]));
    expect(holds.countOf("outbox")).toBe(1);
    backpressure.release();
    backpressure.release();
    expect(sockets[0]!.calls).toEqual(["pause", "resume"]);
    expect(holds.countOf("outbox")).toBe(0);
  });

  test("a client can be held back again", () => {
    const { sockets, backpressure } = gateway(1);
    for (let i = 0; i < 2; i++) {
      backpressure.hold(as(sockets[0]));
      backpressure.release();
    }
    expect(sockets[0]!.calls).toEqual(["pause", "resume", "pause", "resume"]);
  });

  test("all clients that have ever published are held back at once, and none that only listens", () => {
    const { sockets, holds, backpressure, paused } = gateway(100);
    for (const socket of sockets.slice(30)) socket.data.hasPublished = false;
    backpressure.hold(as(sockets[7]));
    expect(paused()).toBe(30);
    expect(sockets.findIndex(({ isPaused }) => !isPaused)).toBe(30);
    expect(holds.has(as(sockets[3]))).toBe(true);
    expect(holds.has(as(sockets[40]))).toBe(false);
  });

  test("the rest of what was read from a client before it was paused is taken, and nothing later", async () => {
    const { clients, backpressure } = gateway(3);
    const refused = () => clients.map((client) => backpressure.refuses(client));
    expect(refused()).toEqual([false, false, false]);
    backpressure.hold(clients[1]!);
    expect(refused()).toEqual([true, false, true]);
    await turn();
    expect(refused()).toEqual([true, true, true]);
    backpressure.release();
    expect(refused()).toEqual([false, true, true]);
  });

  test("the same goes for one that is held back alone, and everything of the others is taken", async () => {
    const { clients, holds, backpressure } = gateway(2);
    const refused = () => clients.map((client) => backpressure.refuses(client));
    backpressure.holdAlone(clients[1]!);
    expect(refused()).toEqual([false, false]);
    await turn();
    expect(refused()).toEqual([false, true]);
    holds.release(clients[1]!, "share");
    expect(refused()).toEqual([false, false]);
  });

  test("a client that publishes for the first time is held back then", () => {
    const { sockets, backpressure, paused } = gateway(3);
    for (const socket of sockets.slice(1)) socket.data.hasPublished = false;
    backpressure.hold(as(sockets[0]));
    backpressure.hold(as(sockets[2]));
    expect(paused()).toBe(2);
  });

  test("a client that has gone is not touched any more", () => {
    const { sockets, holds, backpressure } = gateway(1);
    backpressure.hold(as(sockets[0]));
    holds.forget(as(sockets[0]));
    backpressure.release();
    expect(sockets[0]!.calls).toEqual(["pause"]);
  });
});

describe("when the outbox has room again", () => {
  test("clients go on one in a turn, and all in the end", async () => {
    const { sockets, backpressure, paused } = gateway(4);
    backpressure.hold(as(sockets[0]));
    backpressure.release();
    const left = [paused()];
    while (left.at(-1)! > 0) {
      await turn();
      left.push(paused());
    }
    expect(left).toEqual([3, 2, 1, 0]);
    expect(sockets.every(({ calls }) => calls.join() === "pause,resume")).toBe(true);
  });

  test("once it is full no client continues, those that did are held back again, and the others are first the next time", async () => {
    const { sockets, outbox, backpressure, paused } = gateway(4);
    backpressure.hold(as(sockets[0]));
    backpressure.release();
    await turn();
    expect(paused()).toBe(2);
    outbox.isFull = true;
    backpressure.hold(as(sockets[0]));
    expect(paused()).toBe(4);
    await turn();
    expect(paused()).toBe(4);
    outbox.isFull = false;
    backpressure.release();
    await turn();
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([true, true, false, false]);
  });

  test("no client continues if it is full by the next turn, whatever filled it, until it has room again", async () => {
    const { sockets, outbox, backpressure, paused } = gateway(4);
    backpressure.hold(as(sockets[0]));
    backpressure.release();
    outbox.isFull = true;
    await turn();
    await turn();
    expect(paused()).toBe(3);
    outbox.isFull = false;
    backpressure.release();
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(paused()).toBe(0);
  });

  test("a client that went just after it was let go is not touched any more", () => {
    const { sockets, clients, holds, backpressure } = gateway(3);
    backpressure.hold(as(sockets[0]));
    backpressure.release();
    const gone = sockets[0]!;
    gone.readyState = WebSocket.CLOSED;
    holds.forget(as(gone));
    clients.shift();
    backpressure.hold(clients[1]!);
    expect(clients.every((client) => holds.has(client))).toBe(true);
    expect(gone.calls).toEqual(["pause", "resume"]);
  });
});

test("a manager that stops lets nobody go on", async () => {
  const { sockets, clients, holds, backpressure, paused } = gateway(4);
  backpressure.hold(as(sockets[0]));
  backpressure.release();
  await turn();
  holds.holdForGood(clients);
  await turn();
  backpressure.hold(as(sockets[1]));
  backpressure.release();
  for (let turns = 0; turns < 6; turns++) await turn();
  expect(paused()).toBe(4);
  expect(sockets.every((socket) => holds.has(as(socket)))).toBe(true);
});

/** Clients of which each sends as much as Bun reads at once, whenever it is read from. */
class Flood {
  bytes = 0;
  bytesMost = 0;
  readonly sockets: Socket[];
  readonly backpressure: Backpressure;
  readonly #bytesMax: number;
  readonly #readBytes: readonly number[];
  #wasFull = false;
  /** How often each was read from. */
  readonly reads: number[];

  constructor(bytesMax: number, readBytes: readonly number[]) {
    this.#bytesMax = bytesMax;
    this.#readBytes = readBytes;
    this.sockets = readBytes.map(() => new Socket());
    this.reads = readBytes.map(() => 0);
    const clients = this.sockets as unknown as ClientSocket[];
    this.backpressure = new Backpressure(new Holds(), clients, () => this.#isFull);
  }

  get #isFull(): boolean {
    return this.bytes >= this.#bytesMax;
  }

  /** What one poll finds: every client that is not paused has something to read, always the same ones first. */
  poll(): void {
    for (const [index, socket] of this.sockets.entries()) {
      if (socket.isPaused) continue;
      this.reads[index]!++;
      this.bytes += this.#readBytes[index]!;
      this.bytesMost = Math.max(this.bytesMost, this.bytes);
      if (!this.#isFull) continue;
      this.#wasFull = true;
      this.backpressure.hold(as(socket));
    }
  }

  confirm(bytes: number): void {
    this.bytes = Math.max(0, this.bytes - bytes);
    if (!this.#wasFull || this.bytes > this.#bytesMax / 2) return;
    this.#wasFull = false;
    this.backpressure.release();
  }
}

test("under any flood the outbox goes beyond its cap by one client's read at most, and everybody gets through", async () => {
  const bytesMax = 1000;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 80 }),
      fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 1, maxLength: 30 }),
      async (readBytes, confirms) => {
        const flood = new Flood(bytesMax, readBytes);
        for (const bytes of confirms) {
          flood.poll();
          flood.confirm(bytes);
          await turn();
        }
        expect(flood.bytesMost).toBeLessThan(bytesMax + Math.max(...readBytes));
        for (let round = 0; flood.reads.includes(0) && round < 2000; round++) {
          flood.poll();
          flood.confirm(bytesMax);
          await turn();
        }
        expect(flood.reads).not.toContain(0);
      },
    ),
    rounds(200),
  );
});
