import type { Body } from "../../message.ts";
import type { ClientSocket } from "../clients/client.ts";

/** How much durable subscriptions may have waiting for a client, and what counts it. */
export interface Outlet {
  /** When this much waits for a client, its durable subscriptions write no more. In bytes. */
  readonly room: number;
  /**
   * Something was written to the client. In bytes; text counts in characters.
   *
   * @param waitingBytes how much waits for the client, because the network has not taken it
   */
  sent(bytes: number, waitingBytes: number): void;
}

/** An outlet for clients to which nothing else is written. */
export const plainOutlet: Outlet = { room: 128 * 1024, sent: () => undefined };

/**
 * The way to one client, shared by all of its durable subscriptions: what one of them has gathered takes room from the others too. If each
 * looked only at the socket, together they would write many times as much.
 *
 * @typeParam Subscription waits for room, and is passed back when there is room
 */
export class Outflow<Subscription> {
  readonly #socket: ClientSocket;
  readonly #outlet: Outlet;
  readonly #onRoom: (subscription: Subscription) => void;
  /** What the client's subscriptions have gathered together and not written yet. In bytes; text counts in characters. */
  #gathered = 0;
  /** Subscriptions that wait for room. */
  readonly #awaiting = new Set<Subscription>();
  #telling: NodeJS.Immediate | undefined;

  /** @param onRoom called once after `awaitRoom`, when there is room and Bun will not call `drain` */
  constructor(socket: ClientSocket, outlet: Outlet, onRoom: (subscription: Subscription) => void) {
    this.#socket = socket;
    this.#outlet = outlet;
    this.#onRoom = onRoom;
  }

  /** How much may wait for the client, in bytes. */
  get room(): number {
    return this.#outlet.room;
  }

  /** Whether there is room to gather or write more. */
  get isRoomy(): boolean {
    return this.#socket.getBufferedAmount() + this.#gathered <= this.#outlet.room;
  }

  /**
   * Whether the network has taken everything that was written. While something waits here, the client has tens of kilobytes to read
   * already, and what is read for it from the log would only lie here too.
   */
  get isDrained(): boolean {
    return this.#socket.getBufferedAmount() === 0;
  }

  gathered(size: number): void {
    this.#gathered += size;
  }

  /** The subscription has ended. What it had gathered, of this size, is not written. */
  leave(subscription: Subscription, size: number): void {
    this.#awaiting.delete(subscription);
    this.#gathered -= size;
    this.#tell();
  }

  /**
   * The subscription goes on when there is room. Usually Bun tells when the client has read what waited for it. But if another
   * subscription's unwritten data took the room, and the network takes that at once, nothing ever waits in the socket, and Bun does not
   * call `drain`.
   */
  awaitRoom(subscription: Subscription): void {
    this.#awaiting.add(subscription);
    this.#tell();
  }

  /** Writes what was gathered, in one piece. */
  write(frames: readonly Body[], size: number): void {
    this.#gathered -= size;
    if (frames.length === 1) this.#socket.send(frames[0]!);
    else
      this.#socket.cork(() => {
        for (const frame of frames) this.#socket.send(frame);
      });
    this.#outlet.sent(size, this.#socket.getBufferedAmount());
    this.#tell();
  }

  #tell(): void {
    if (this.#awaiting.size === 0 || this.#gathered > 0 || this.#socket.getBufferedAmount() > 0) return;
    this.#telling ??= setImmediate(() => {
      this.#telling = undefined;
      const told = [...this.#awaiting];
      this.#awaiting.clear();
      for (const subscription of told) this.#onRoom(subscription);
    });
  }
}

/** Makes outflows, one for each client. */
export function outflowsTo<Subscription>(
  outlet: Outlet,
  onRoom: (subscription: Subscription) => void,
): (socket: ClientSocket) => Outflow<Subscription> {
  const outflows = new WeakMap<ClientSocket, Outflow<Subscription>>();
  return (socket) => {
    const known = outflows.get(socket);
    if (known !== undefined) return known;
    const outflow = new Outflow(socket, outlet, onRoom);
    outflows.set(socket, outflow);
    return outflow;
  };
}
