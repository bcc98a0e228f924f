import type { Body } from "../../message.ts";
import type { ClientSocket } from "../clients/client.ts";

/** How much durable subscriptions may have written to a client, and what counts it. */
export interface Outlet {
  /** What may wait for a client before its durable subscriptions write no more, in bytes. */
  readonly room: number;
  /**
   * Something was written to the client. In bytes; of text in characters.
   *
   * @param waitingBytes what waits for the client since the network has not taken it
   */
  sent(bytes: number, waitingBytes: number): void;
}

/** The outlet where nothing else waits for clients. */
export const plainOutlet: Outlet = { room: 128 * 1024, sent: () => undefined };

/**
 * The way to one client, shared by all of its durable subscriptions: what one has gathered is gone for the others, too.
 * Each of them looking at the socket for itself would write as many times as much as there are subscriptions.
 *
 * @typeParam Subscription what waits for room: it is told, and nothing else is asked of it
 */
export class Outflow<Subscription> {
  readonly #socket: ClientSocket;
  readonly #outlet: Outlet;
  readonly #onRoom: (subscription: Subscription) => void;
  /** What all of the client's subscriptions have gathered and not written yet. In bytes; of text in characters. */
  #gathered = 0;
  /** Those that go on when there is room. */
  readonly #awaiting = new Set<Subscription>();
  #telling: NodeJS.Immediate | undefined;

  /** @param onRoom called once after `awaitRoom`, when there is room and the network is not going to tell */
  constructor(socket: ClientSocket, outlet: Outlet, onRoom: (subscription: Subscription) => void) {
    this.#socket = socket;
    this.#outlet = outlet;
    this.#onRoom = onRoom;
  }

  /** What may wait for the client, in bytes. */
  get room(): number {
    return this.#outlet.room;
  }

  /** Whether more may be gathered or written beside what waits for the client. */
  get isRoomy(): boolean {
    return this.#socket.getBufferedAmount() + this.#gathered <= this.#outlet.room;
  }

  /**
   * Whether the network has taken all that was written. A client for which something waits here has tens of kilobytes to read beside it,
   * so what is read for it from the log would lie here twice.
   */
  get isDrained(): boolean {
    return this.#socket.getBufferedAmount() === 0;
  }

  gathered(size: number): void {
    this.#gathered += size;
  }

  /** The subscription has ended, and what it had gathered, of this size, is not written. */
  leave(subscription: Subscription, size: number): void {
    this.#awaiting.delete(subscription);
    this.#gathered -= size;
    this.#tell();
  }

  /**
   * One of the client's subscriptions goes on when there is room. Bun tells when the client has read what waited for it; but where
   * it was another subscription's that took the room, and the network takes that at once, nothing ever waits.
   */
  awaitRoom(subscription: Subscription): void {
    this.#awaiting.add(subscription);
    this.#tell();
  }

  /** Writes what was gathered as one. */
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

/** Each client's, shared by its subscriptions. */
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
