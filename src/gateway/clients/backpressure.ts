import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** Nobody is held back; or everybody is, because the outbox is full; or they are released, one in each turn of the event loop. */
type State =
  | { readonly is: "open" }
  | { readonly is: "full" }
  | { readonly is: "releasing"; readonly last: ClientSocket; readonly immediate: NodeJS.Immediate };

/** When the outbox has been full for this long, the garbage of the flood is collected. In milliseconds. */
const collectAfterMs = 1000;

/**
 * Decides which clients are not read from while the outbox is full, and when they are read from again.
 *
 * Bun hands over everything that it has read from a client, up to 512 KiB (or what is left if the client has gone), even if the client is
 * paused meanwhile. So when the outbox becomes full, all clients that have ever published are paused at once, before more of them are read.
 * The outbox exceeds its cap by what was read from one client, and by as much for each that publishes for the first time at that moment.
 * Clients are released one in each turn of the event loop, the one that has waited longest first, until the outbox is full again.
 *
 * When a connection is reset, Bun hands over everything in its receive buffer, some megabytes, even if it is paused. This is not accepted
 * from a client that is held back: it was never read, and the reset has told the client so.
 *
 * A flood leaves garbage of several times the outbox's size. JavaScriptCore collects only when something is allocated, so it would keep
 * that for as long as the flood is held back, perhaps until RabbitMQ is back. So it is told to collect after a second, and the call waits
 * for the end: a concurrent collection left much of it, in some runs (docs/decisions.md has figures).
 */
export class Backpressure {
  readonly #holds: Holds;
  readonly #clients: Iterable<ClientSocket>;
  readonly #isFull: () => boolean;
  readonly #collectGarbage: () => void;
  #state: State = { is: "open" };
  /** The client whose messages are being handed over: the rest of what was read from it before it was paused. */
  #reading: ClientSocket | undefined;
  #readingEnds: NodeJS.Immediate | undefined;
  #collecting: NodeJS.Timeout | undefined;

  /**
   * @param clients all connected clients
   * @param isFull whether the outbox is full
   */
  constructor(
    holds: Holds,
    clients: Iterable<ClientSocket>,
    isFull: () => boolean,
    collectGarbage: () => void = () => Bun.gc(true),
  ) {
    this.#collectGarbage = collectGarbage;
    this.#holds = holds;
    this.#clients = clients;
    this.#isFull = isFull;
  }

  /** Whether input of this client is not accepted, because its connection was reset while it was held back. */
  refuses(socket: ClientSocket): boolean {
    if (this.#state.is === "open" && this.#holds.countOf("share") === 0) return false;
    if (socket === this.#reading) return false;
    return this.#holds.isHeld(socket, "outbox") || this.#holds.isHeld(socket, "share");
  }

  /** A client has published and has too much in the outbox. Only this client is held back. */
  holdAlone(socket: ClientSocket): void {
    this.#isBeingRead(socket);
    this.#holds.hold(socket, "share");
    this.#collecting ??= setTimeout(this.#collectGarbage, collectAfterMs);
  }

  /** Something has left the outbox. Clients that are held back alone may go on soon, and ordinary garbage collection is enough for them. */
  progressed(): void {
    if (this.#state.is !== "open") return;
    this.close();
    if (this.#holds.countOf("share") > 0) this.#collecting = setTimeout(this.#collectGarbage, collectAfterMs);
  }

  /** A client has published, and the outbox is full. */
  hold(socket: ClientSocket): void {
    const state = this.#state;
    this.#isBeingRead(socket);
    if (state.is !== "full") {
      this.#state = { is: "full" };
      this.#collecting ??= setTimeout(this.#collectGarbage, collectAfterMs);
      if (state.is === "releasing") {
        clearImmediate(state.immediate);
        // It may not have been read before those that fill the outbox again, so it goes first the next time.
        if (state.last !== socket && state.last.readyState === WebSocket.OPEN)
          this.#holds.hold(state.last, "outbox");
      }
      for (const client of this.#clients) {
        if (client.data.hasPublished) this.#holds.hold(client, "outbox");
      }
    }
    this.#holds.hold(socket, "outbox");
  }

  /** The outbox has room again. */
  release(): void {
    this.close();
    if (this.#state.is === "full") this.#releaseOne();
  }

  /** Stops the timer. */
  close(): void {
    clearTimeout(this.#collecting);
    this.#collecting = undefined;
  }

  #isBeingRead(socket: ClientSocket): void {
    this.#reading = socket;
    this.#readingEnds ??= setImmediate(() => {
      this.#reading = undefined;
      this.#readingEnds = undefined;
    });
  }

  /** Releases one client. If the outbox is full again by now, `release` will be called later, and the others go on then. */
  #releaseOne(): void {
    const next = this.#holds.firstOf("outbox");
    if (next === undefined) {
      this.#state = { is: "open" };
    } else if (this.#isFull()) {
      this.#state = { is: "full" };
    } else {
      this.#holds.release(next, "outbox");
      this.#state = { is: "releasing", last: next, immediate: setImmediate(() => this.#releaseOne()) };
    }
  }
}
