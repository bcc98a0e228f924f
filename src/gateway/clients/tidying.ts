import type { Roster } from "./roster.ts";
import type { Timed, TimerWheel } from "./timer-wheel.ts";

/** How often it is checked whether clients have come to rest. In milliseconds. */
const lookEachMs = 1000;
/** Clients are at rest if they have done no more than this since the last look: so little that nobody notices a collection. In bytes. */
const restBytes = 4 * 1024;
/** They are calm if they have done no more than this: a few talk, and would notice it. So it waits until they have been calm for a minute. In bytes. */
const calmBytes = 128 * 1024;
const calmLooks = 60;
/** What clients must have done for a collection to be worthwhile: the arrival of a thousand of them. In bytes. */
const worthwhileBytes = 16 * 1024 ** 2;
/** What a client that comes or goes counts, in bytes: about the garbage that its handshake leaves. */
const visitBytes = 16 * 1024;
/** With more clients than this, a collection would hold the process up for longer than a turn of the event loop may take. */
const clientsMax = 8000;
/** Collections take at most this share of the time. */
const shareMax = 1 / 100;

/** What clients have done since the start. */
interface Doings {
  /** Clients that came, and clients that went. */
  readonly visitCount: number;
  /** What was received from clients and written to single ones. In bytes. */
  readonly movedBytes: number;
  /** What was sent to many at once, counting each copy. In bytes. */
  readonly fannedOutBytes: number;
}

/**
 * Collects garbage when clients have done much and have come to rest. JavaScriptCore collects only when something is allocated, so what
 * a wave of connections or a flood has left would stay for as long as nothing happens.
 *
 * The call waits for the end of the collection: one in the background frees hardly anything (docs/decisions.md has figures). So it is not
 * made while there are very many clients.
 */
export class Tidying implements Timed {
  readonly #wheel: TimerWheel;
  readonly #clients: Pick<Roster, "size">;
  readonly #doings: Doings;
  readonly #collectGarbage: () => void;
  #isExpected = false;
  /** What clients had done at the last look, and at the last collection. In bytes. */
  #seen = 0;
  /** What had been sent to many at the last look. It makes no garbage worth a collection, but those that get it are not at rest. */
  #seenFannedOut = 0;
  #tidied = 0;
  /** In how many looks, one after the other, they were calm. */
  #calmCount = 0;
  #notBeforeMs = 0;

  /** @param clients all connected clients */
  constructor(
    wheel: TimerWheel,
    clients: Pick<Roster, "size">,
    doings: Doings,
    collectGarbage: () => void = () => Bun.gc(true),
  ) {
    this.#wheel = wheel;
    this.#clients = clients;
    this.#doings = doings;
    this.#collectGarbage = collectGarbage;
  }

  /** A client is connected now. */
  joined(): void {
    if (this.#isExpected) return;
    this.#isExpected = true;
    this.#wheel.add(this, lookEachMs);
  }

  due(): number {
    const { visitCount, movedBytes, fannedOutBytes } = this.#doings;
    const done = visitCount * visitBytes + movedBytes;
    const doneSince = done - this.#seen + (fannedOutBytes - this.#seenFannedOut);
    const isAtRest = doneSince <= restBytes;
    this.#calmCount = doneSince <= calmBytes ? this.#calmCount + 1 : 0;
    const isWorthwhile = done - this.#tidied >= worthwhileBytes && this.#clients.size <= clientsMax;
    this.#seen = done;
    this.#seenFannedOut = fannedOutBytes;
    if ((isAtRest || this.#calmCount >= calmLooks) && isWorthwhile) this.#tidy();
    else if (isAtRest && this.#clients.size === 0) {
      this.#wheel.remove(this);
      this.#isExpected = false;
    }
    return lookEachMs;
  }

  #tidy(): void {
    const beginMs = performance.now();
    if (beginMs < this.#notBeforeMs) return;
    this.#collectGarbage();
    const endMs = performance.now();
    this.#notBeforeMs = endMs + (endMs - beginMs) / shareMax;
    this.#tidied = this.#seen;
  }
}
