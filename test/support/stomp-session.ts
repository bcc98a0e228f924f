import { expect } from "bun:test";
import type { Server } from "bun";
import type { Waiter } from "../../src/envelope/waiter.ts";
import { unlimited } from "../../src/gateway/auth/grant.ts";
import { nobodyTold } from "../../src/gateway/clients/announcements.ts";
import { Backpressure } from "../../src/gateway/clients/backpressure.ts";
import type { Client, ClientSocket } from "../../src/gateway/clients/client.ts";
import { Holds } from "../../src/gateway/clients/holds.ts";
import { Receipts } from "../../src/gateway/clients/receipts.ts";
import { Seat } from "../../src/gateway/clients/seat.ts";
import { Shares } from "../../src/gateway/clients/shares.ts";
import { TimerWheel } from "../../src/gateway/clients/timer-wheel.ts";
import { Turns } from "../../src/gateway/clients/turns.ts";
import { Ingress } from "../../src/gateway/fan-out/ingress.ts";
import { Once } from "../../src/gateway/fan-out/once.ts";
import { Relay } from "../../src/gateway/fan-out/relay.ts";
import type { Uplink } from "../../src/gateway/fan-out/uplink.ts";
import { Requests } from "../../src/gateway/requests/requests.ts";
import { Listeners } from "../../src/gateway/server/listeners.ts";
import { StompProtocol } from "../../src/gateway/stomp/stomp.ts";
import type { OutgoingMessage } from "../../src/message.ts";
import { LoopTime } from "../../src/ops/loop-time.ts";
import { frameLimits } from "./frame-limits.ts";

/** Nobody listens: sessions publish through the relay alone. */
const server = {} as Server<Client>;

/** The STOMP side of a gateway without the network: its sessions are the real ones, their sockets remember. */
export class StompSide {
  readonly relay = new Relay();
  readonly taken: OutgoingMessage[] = [];
  /** The outbox is full when it has taken so many messages, until `makeRoom`. */
  isFullAfter = Number.POSITIVE_INFINITY;
  readonly once = new Once({ windowMs: 120_000, bytesMax: 1024 ** 2 });
  readonly #holds = new Holds();
  readonly #sockets = new Set<RememberingSocket>();
  readonly #turns: Turns;
  readonly #backpressure: Backpressure;
  readonly #shares: Shares;
  readonly #protocol: StompProtocol;

  /** @param loop time stands still unless it is given, so that nothing waits for the next turn */
  constructor(maxMessageBytes: number, loop = new LoopTime(() => 0)) {
    this.relay.publishThrough({
      publish: (key: string, frame: string | Uint8Array) => {
        for (const socket of this.#sockets)
          if (socket.keys.has(key)) socket.sent.push(Buffer.from(frame as string));
      },
    } as unknown as Server<Client>);
    const isFull = () => this.taken.length >= this.isFullAfter;
    const room = {
      get freeBytes() {
        return isFull() ? 0 : Number.POSITIVE_INFINITY;
      },
    };
    this.#backpressure = new Backpressure(this.#holds, [], isFull);
    this.#shares = new Shares(this.#holds, room, this.#backpressure);
    // Time stands still, so that nothing but a full outbox is waited for.
    this.#turns = new Turns(this.#holds, (socket) => socket.data.left(), loop, {
      deliveredCount: 0,
      publishedCount: 0,
      isFull: false,
    });
    const uplink: Uplink = {
      take: (message, _, waiter) => {
        this.taken.push(message);
        if (waiter !== undefined) this.#waiters.push(waiter);
        return this.taken.length;
      },
      unfitnessOf: () => undefined,
      idOf: (number) => `id-${number}`,
      isSettled: () => true,
      get freeBytes() {
        return room.freeBytes;
      },
    };
    const count = () => undefined;
    this.#protocol = new StompProtocol({
      protocols: [],
      relay: this.relay,
      ingress: new Ingress({
        relay: this.relay,
        uplink,
        shares: this.#shares,
        maxMessageBytes,
        holds: this.#holds,
        once: this.once,
        count,
      }),
      handshakeTimeoutMs: 10_000,
      messageTimeoutMs: 60_000,
      holds: this.#holds,
      listeners: new Listeners(
        () => server,
        () => undefined,
      ),
      sent: () => undefined,
      kept: () => undefined,
      shares: this.#shares,
      wheel: new TimerWheel(),
      requests: new Requests(new TimerWheel()),
      turns: this.#turns,
      receipts: new Receipts(new LoopTime()),
      announcements: nobodyTold,
      rooms: undefined,
      count,
      auth: undefined,
      identified: () => undefined,
      patienceChanged: () => undefined,
      ...frameLimits(maxMessageBytes),
      maxSubscriptions: 10,
      clientBufferBytes: 1024 ** 2,
      maxTransactionBytes: 8192,
      durables: undefined,
    });
  }

  /** What was read from all and waits to be obeyed, in bytes. */
  get unobeyedBytes(): number {
    return this.#shares.unobeyedBytes;
  }

  readonly #waiters: Waiter[] = [];

  connect(): RememberingSocket {
    const client = this.#protocol.admit({
      id: "client",
      grant: unlimited,
      seat: new Seat(undefined),
    });
    const socket = new RememberingSocket(client, () => {
      this.#sockets.delete(socket);
      return this.#turns.left(socket as unknown as ClientSocket);
    });
    this.#sockets.add(socket);
    client.opened(socket as unknown as ClientSocket);
    return socket;
  }

  /** The broker confirms what it was given. */
  confirm(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.confirmed();
  }

  /** The broker will not take the message of this waiter, counted from 0. */
  setAside(index: number, why: string): void {
    this.#waiters[index]!.setAside(why);
  }

  /** Resolves when nothing waits any more that was read. */
  async settled(): Promise<void> {
    expect(await this.#turns.settle(5000)).toBe(true);
  }

  /** The outbox has room for everything. Resolves when nothing waits any more. */
  async makeRoom(): Promise<void> {
    this.isFullAfter = Number.POSITIVE_INFINITY;
    this.#backpressure.release();
    await this.#turns.settle(5000);
    this.#backpressure.close();
  }
}

/** What a session needs of Bun's socket. */
export class RememberingSocket {
  readonly data: Client;
  readonly keys = new Set<string>();
  readonly sent: Buffer[] = [];
  closeCode: number | undefined;
  readonly #onGone: () => boolean;

  /** @param onGone true if something of it waits, and `left` is called when that has been obeyed */
  constructor(data: Client, onGone: () => boolean) {
    this.data = data;
    this.#onGone = onGone;
  }

  receive(bytes: Buffer): void {
    this.data.message(this as unknown as ClientSocket, bytes);
  }

  send(frame: string | Uint8Array): number {
    this.sent.push(Buffer.from(frame as string));
    return 1;
  }

  subscribe(key: string): void {
    this.keys.add(key);
  }

  unsubscribe(key: string): void {
    this.keys.delete(key);
  }

  close(code: number): void {
    this.closeCode ??= code;
  }

  /** The connection is gone, as the gateway hears of it. */
  end(): void {
    this.data.closed();
    if (!this.#onGone()) this.data.left();
  }

  pause(): void {
    // Nothing comes by itself.
  }

  resume(): void {
    // Nothing comes by itself.
  }

  getBufferedAmount(): number {
    return 0;
  }

  cork(act: () => void): void {
    act();
  }
}
