import type { AnyMetric } from "../../ops/metrics.ts";
import { LabelledCounter } from "../../ops/metrics.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Roster } from "../clients/roster.ts";
import { slotMs, type Timed, type TimerWheel } from "../clients/timer-wheel.ts";
import { type AtEnd, EarlyLooks, endRoomFor, roomFor } from "./room.ts";

/** What is kept is checked once in this many checks of what waits, unless it has grown: once a second. */
const looksForKept = 4;

/** How much may be sent to clients before all backlogs are checked, in bytes: a quarter of the cap, within these limits. */
const [unlookedMin, unlookedMax] = [256 * 1024, 1024 ** 2] as const;
/** Bun queues up to 32 messages of less than 16 KiB for each client. They are not counted as backlog before they are written. */
const unseenMax = 32 * 16 * 1024;

/** A client that is disconnected gets a close frame if at most this much waits for it. In bytes. */
const tellableMax = 64 * 1024;

/** `slow`: it read too slowly. `memory`: too much was kept for all clients together, and most for this one. */
const causes = ["slow", "memory"] as const;
type Cause = (typeof causes)[number];

/** How much may wait for clients. */
export interface BacklogOptions {
  /** A client is disconnected when more than this waits for it. In bytes. */
  readonly clientBufferBytes: number;
  /** No message is larger, without its head. In bytes. */
  readonly largestBytes: number;
  /** When more than this is kept for all clients together, those with the most are disconnected. In bytes. */
  readonly memoryMaxBytes: number;
  /** What is kept of HTTP requests that have begun, which are no clients that could be disconnected. In bytes. */
  readonly keptBytes?: () => number;
  /** The durable subscriptions at the log's end. They should leave it soon if their client does not read. */
  readonly atEnd?: () => AtEnd | undefined;
}

/**
 * Limits what is kept for clients: what waits for them to read it, and what they have begun to send. No frame is ever dropped. A client
 * that reads too slowly is cut off. When too much is kept for all together, those are cut off for which the most is kept.
 *
 * Bun's own limit cannot be used. When it is exceeded, Bun drops the frame and shuts the socket down for reading, so that the next read
 * finds its end. But a client that is held back is not read from, and one that sends all the time never reaches the end: either would go on
 * with a gap in what it gets (tried with 1.4.5). So Bun has no limit here. Publishing tells nothing about single clients, so all of them
 * are checked each time when enough was sent for one to exceed the cap, which is once in thousands of deliveries, and also a quarter of a
 * second after anything was sent, by the timer wheel.
 *
 * Durable subscriptions are not cut off. They leave the log's end, where Bun publishes to them, and read from the log when their client has
 * room again. Then only what the client causes itself, such as receipts, can still be too much.
 */
export class Backlogs implements Timed {
  readonly #clients: Roster;
  readonly #wheel: TimerWheel;
  readonly #cap: number;
  readonly #capOfDurable: number;
  readonly #room: number;
  readonly #step: number;
  readonly #holds: Holds;
  readonly #memoryMax: number;
  readonly #keptOfOthers: () => number;
  readonly #early: EarlyLooks;
  readonly #doomed = new Map<ClientSocket, Cause>();
  readonly #cutOff = new LabelledCounter(
    {
      name: "warren_cut_off_total",
      help: "Clients that were disconnected for what had to be kept for them, by cause.",
      label: "cause",
    },
    causes,
  );
  #untilLook: number;
  #untilKeptLook: number;
  /** How many checks there were since what is kept was last checked. */
  #looksDue = 0;
  /** Whether it is on the timer wheel. */
  #isExpected = false;
  #ending: NodeJS.Immediate | undefined;
  /** How much waited at the last check. */
  #waiting = 0;
  #kept = 0;

  /** @param clients all connected clients */
  constructor(options: BacklogOptions, wheel: TimerWheel, holds: Holds, clients: Roster) {
    const { clientBufferBytes, largestBytes, memoryMaxBytes, keptBytes = () => 0 } = options;
    this.#holds = holds;
    this.#memoryMax = memoryMaxBytes;
    this.#keptOfOthers = keptBytes;
    this.#clients = clients;
    this.#wheel = wheel;
    this.#cap = clientBufferBytes;
    this.#room = endRoomFor(clientBufferBytes);
    this.#early = new EarlyLooks(this.#room, options.atEnd ?? (() => undefined));
    this.#step = Math.max(unlookedMin, Math.min(unlookedMax, clientBufferBytes / 4));
    // Text is counted in UTF-16 units, which have up to three bytes each.
    this.#capOfDurable =
      clientBufferBytes + roomFor(clientBufferBytes) + 3 * (this.#step + largestBytes) + unseenMax;
    this.#untilLook = this.#untilKeptLook = this.#step;
  }

  readonly metrics: readonly AnyMetric[] = [
    this.#cutOff.metric,
    {
      name: "warren_backlog_bytes",
      type: "gauge",
      help: "What waits for clients to read it.",
      read: () => this.#waiting,
    },
    {
      name: "warren_clients_kept_bytes",
      type: "gauge",
      help: "What is kept of what clients have begun to send: messages and frames that are not whole, open transactions, the buffers for large messages, and bodies of HTTP requests.",
      read: () => this.#kept,
    },
    {
      name: "warren_clients_memory_max_bytes",
      type: "gauge",
      help: "What may be kept for all clients together.",
      read: () => this.#memoryMax,
    },
  ];

  /**
   * Notes what was sent to any number of clients at once, or what waits for a single client that was written to. In bytes; text counts in
   * characters.
   */
  sent(bytes: number): void {
    this.#expectLook();
    this.#untilLook -= bytes;
    const due = this.#early.due(bytes, this.#clients.size);
    if (this.#untilLook <= 0 || due === "all") this.#look();
    else if (due === "at the end") this.#early.look(this.#crowded);
  }

  /** Notes that more is kept of what clients have begun to send. In bytes. */
  kept(bytes: number): void {
    this.#expectLook();
    this.#untilKeptLook -= bytes;
    if (this.#untilKeptLook <= 0) this.#lookAtAll();
  }

  due(): number {
    const isMoreKept = this.#untilKeptLook < this.#step;
    if (!isMoreKept && ++this.#looksDue < looksForKept) this.#look();
    else {
      this.#lookAtAll();
      // Nothing grows until something is sent or kept.
      this.#wheel.remove(this);
      this.#isExpected = false;
    }
    return slotMs;
  }

  #expectLook(): void {
    if (this.#isExpected) return;
    this.#isExpected = true;
    this.#wheel.add(this, slotMs);
  }

  /** The client is no longer connected. */
  forget(socket: ClientSocket): void {
    this.#doomed.delete(socket);
    // The metrics should show that it is less now.
    if (this.#kept > 0) this.kept(0);
  }

  close(): void {
    this.#wheel.remove(this);
    this.#isExpected = false;
    clearImmediate(this.#ending);
    this.#ending = undefined;
  }

  /** Checks what waits for each client. It runs often, since very many clients may be sent a little each, so it leaves out what is kept. */
  #look(): void {
    this.#untilLook = this.#step;
    this.#early.looked();
    this.#waiting = 0;
    this.#clients.forEach((socket) => {
      const waiting = socket.getBufferedAmount();
      if (waiting === 0 || this.#doomed.has(socket)) return;
      this.#waiting += waiting;
      if (waiting > this.#room) this.#crowded(socket, waiting);
    });
    if (this.#waiting + this.#kept > this.#memoryMax) this.#makeRoom();
  }

  #lookAtAll(): void {
    this.#untilKeptLook = this.#step;
    this.#looksDue = 0;
    this.#kept = this.#keptOfOthers();
    this.#clients.forEach((socket) => {
      if (!this.#doomed.has(socket)) this.#kept += keptFor(socket);
    });
    this.#look();
  }

  #makeRoom(): void {
    const holders: { readonly socket: ClientSocket; readonly bytes: number }[] = [];
    this.#clients.forEach((socket) => {
      const bytes = socket.getBufferedAmount() + keptFor(socket);
      if (bytes > 0 && !this.#doomed.has(socket)) holders.push({ socket, bytes });
    });
    holders.sort((one, other) => other.bytes - one.bytes);
    let total = holders.reduce((sum, { bytes }) => sum + bytes, this.#keptOfOthers());
    for (const { socket, bytes } of holders) {
      if (total <= this.#memoryMax) break;
      total -= bytes;
      this.#doom(socket, "memory");
    }
  }

  readonly #crowded = (socket: ClientSocket, waiting: number): void => {
    const { isPatient } = socket.data;
    socket.data.fallBehind(waiting);
    if (waiting > (isPatient ? this.#capOfDurable : this.#cap)) this.#doom(socket, "slow");
  };

  /** Stops publishing to a client, and cuts it off after this turn of the event loop: its own message may just be being handled. */
  #doom(socket: ClientSocket, cause: Cause): void {
    if (this.#doomed.has(socket)) return;
    this.#doomed.set(socket, cause);
    for (const key of socket.subscriptions) socket.unsubscribe(key);
    this.#ending ??= setImmediate(() => this.#cutOffDoomed());
  }

  #cutOffDoomed(): void {
    this.#ending = undefined;
    for (const [socket, cause] of [...this.#doomed]) {
      this.#cutOff.add(cause);
      socket.data.seat.endedBy = cause;
      // A client that does not answer its close would keep everything.
      if (cause === "slow" || socket.data.seat.isClosing || socket.getBufferedAmount() > tellableMax) {
        socket.terminate();
        continue;
      }
      // A paused client could not answer the close frame.
      this.#holds.resumeForClose(socket);
      socket.close(closeCodes.memoryFull.code, closeCodes.memoryFull.reason);
    }
    this.#doomed.clear();
    // The metrics should show that it is less now.
    this.kept(0);
  }
}

function keptFor({ data }: ClientSocket): number {
  return data.keptBytes + data.seat.readBytes;
}
