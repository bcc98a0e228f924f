import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** Where the outbox's holding back is: nobody is held for it; nobody may go on; or one goes on in each turn. */
type State =
  | { readonly is: "open" }
  | { readonly is: "full" }
  | { readonly is: "releasing"; readonly last: ClientSocket; readonly immediate: NodeJS.Immediate };

/** How long the outbox has to be full before the garbage of the flood is collected, in milliseconds. */
const collectAfterMs = 1000;

/**
 * Which clients are not read from while the outbox is full, and when they go on.
 *
 * Bun hands over all that it has read from a client, up to 512 KiB (or what is left where the client has gone), whatever is
 * paused meanwhile. So when the outbox
 * becomes full, all clients that have ever published are paused at once, before more of them are read: the outbox
 * goes beyond its cap by what was read from one client, and by as much for each that publishes for the first time just
 * then. And they are let go one in each turn of the event loop, the one that has waited longest first, until the outbox is full again.
 *
 * When a connection is reset, Bun hands over all that lies in its receive buffer, some megabytes, paused or not. Of a client
 * that is held back this is not taken: it was never read, and the client has been told that by the reset.
 *
 * A flood leaves several times the outbox's size in garbage, and JavaScriptCore, which collects when something is allocated,
 * keeps it for as long as the flood is held back: until RabbitMQ is back, perhaps. So it is told to collect after a second, and to wait for
 * the end of that: a collection beside what else happens left up to 140 MiB more, in some runs.
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
   * @param clients all that are connected
   * @param isFull whether the outbox is
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

  /** Whether what comes from this client is not taken: its connection was reset while it was held back. */
  refuses(socket: ClientSocket): boolean {
    if (this.#state.is === "open" && this.#holds.countOf("share") === 0) return false;
    if (socket === this.#reading) return false;
    return this.#holds.isHeld(socket, "outbox") || this.#holds.isHeld(socket, "share");
  }

  /** A client has published, and has too much in the outbox: it alone is held back. */
  holdAlone(socket: ClientSocket): void {
    this.#isBeingRead(socket);
    this.#holds.hold(socket, "share");
    this.#collecting ??= setTimeout(this.#collectGarbage, collectAfterMs);
  }

  /** Something has left the outbox: those held back alone may go on soon, and their garbage is collected as any other is. */
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
        // It may not have been read before those that fill the outbox again, so it goes before them the next time.
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

  /** Stops its timer. */
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

  /** Should the outbox be full again by now, it says when it is relieved, and the others go on then. */
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
