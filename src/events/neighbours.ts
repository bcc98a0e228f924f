import type { Heartbeat, Known } from "./event.ts";

/** After this many milliseconds without a heartbeat, the broker is asked whether a manager is still connected. */
const doubtAfterMs = 3000;
/** After this many milliseconds without a heartbeat a manager counts as dead, even if it is connected: it may be frozen. */
const deadAfterMs = 15_000;
/** How many managers are known at a time. Only a foreign program would make up more; they are ignored. */
export const neighboursMax = 1000;
/** How many of them may be known only from others' heartbeats. */
export const hearsayMax = 200;
/** How many ended sources are remembered. */
const settledMax = 10_000;
/** How many unsettled sources one manager may have. */
const sourcesMax = 100;
/** A manager that does not know this one is told of it at most this often, in milliseconds: any program may send heartbeats. */
const introducedEveryMs = 1000;
/** How much of a heartbeat is about other managers, in characters: far less than is read of one message (`told.ts`). */
export const knownCharsMax = 64 * 1024;

interface Neighbour {
  readonly sources: Set<string>;
  snapshotAt: number;
  heardMs: number;
  /** Whether only others or the log know of it, and it was never heard itself. */
  isHearsay: boolean;
  isDead: boolean;
  /** When it was last told of this manager. */
  introducedMs: number;
}

/** The other managers, by their heartbeats. Times are from a clock that never goes back. */
export class Neighbours {
  readonly #own: string;
  readonly #neighbours = new Map<string, Neighbour>();
  /** Ended sources. A manager that still uses one does not know yet that it was taken for dead. */
  readonly #settled = new Set<string>();
  /** Called with each manager that was not known before. */
  onMet: (manager: string) => void = () => undefined;

  /** @param own this manager's name */
  constructor(own: string) {
    this.#own = own;
  }

  /** The managers that are not known to be dead. */
  get names(): readonly string[] {
    return [...this.#neighbours].filter(([, { isDead }]) => !isDead).map(([manager]) => manager);
  }

  /** Whether it is known, and has not ended. */
  has(manager: string): boolean {
    return this.#neighbours.has(manager);
  }

  /** @returns false if its source has ended already: it has to be told */
  heard({ manager, source, sources, snapshotAt, knows }: Heartbeat, nowMs: number): boolean {
    if (manager === this.#own) return true;
    if (this.#settled.has(source)) return false;
    const neighbour = this.#learn(manager, sources, nowMs);
    if (neighbour !== undefined) {
      neighbour.snapshotAt = snapshotAt;
      neighbour.heardMs = nowMs;
      neighbour.isHearsay = false;
      neighbour.isDead = false;
    }
    this.#believe(knows, nowMs);
    return true;
  }

  /** Whether the manager with this heartbeat, which was heard, has to be told of this one: it has just come, or was cut off. Notes that it is. */
  isToMeet({ manager, knows }: Heartbeat, nowMs: number): boolean {
    const neighbour = this.#neighbours.get(manager);
    if (neighbour === undefined || nowMs - neighbour.introducedMs < introducedEveryMs) return false;
    if (knows.some(([known]) => known === this.#own)) return false;
    neighbour.introducedMs = nowMs;
    return true;
  }

  /** The log knows of it, but it was not heard. */
  found([manager, sources, snapshotAt]: Known, nowMs: number): void {
    if (this.#neighbours.has(manager)) return;
    const neighbour = this.#learn(manager, sources, nowMs);
    if (neighbour !== undefined) neighbour.snapshotAt = snapshotAt;
  }

  /** A source has ended. A manager without any source needs no successor. Returns the managers that are gone because of this. */
  settled(source: string): readonly string[] {
    this.#settled.add(source);
    if (this.#settled.size > settledMax)
      for (const oldest of this.#settled) {
        this.#settled.delete(oldest);
        break;
      }
    const gone: string[] = [];
    for (const [manager, { sources }] of this.#neighbours) {
      sources.delete(source);
      if (sources.size > 0) continue;
      this.#neighbours.delete(manager);
      gone.push(manager);
    }
    return gone;
  }

  /** The managers whose heartbeats stopped, or were never heard: they may be dead. */
  doubtful(nowMs: number): readonly string[] {
    return [...this.#neighbours]
      .filter(
        ([, { heardMs, isHearsay, isDead }]) => !isDead && (isHearsay || nowMs - heardMs >= doubtAfterMs),
      )
      .map(([manager]) => manager);
  }

  /** It is not connected to the broker any more. */
  died(manager: string): void {
    const neighbour = this.#neighbours.get(manager);
    if (neighbour !== undefined) neighbour.isDead = true;
  }

  /** The dead managers, with their sources. */
  dead(nowMs: number): readonly Known[] {
    return this.#known(({ heardMs, isDead }) => isDead || nowMs - heardMs >= deadAfterMs);
  }

  /** The managers that others should know of. Those that were heard come first, since any program may have made up the others. */
  get known(): readonly Known[] {
    let size = 0;
    return [
      ...this.#known(({ isHearsay }) => !isHearsay),
      ...this.#known(({ isHearsay }) => isHearsay),
    ].filter((known) => {
      const own = sizeOf(known);
      if (size + own > knownCharsMax) return false;
      size += own;
      return true;
    });
  }

  /** This process could not hear anybody for a while, so everybody's time starts again. */
  resetSilence(nowMs: number): void {
    for (const neighbour of this.#neighbours.values()) {
      neighbour.heardMs = nowMs;
      neighbour.isDead = false;
    }
  }

  /** Other managers know of these. */
  #believe(knows: readonly Known[], nowMs: number): void {
    const strangers = knows.filter(([manager]) => !this.#neighbours.has(manager));
    if (strangers.length === 0) return;
    let room = hearsayMax;
    for (const { isHearsay } of this.#neighbours.values()) if (isHearsay) room--;
    for (const known of strangers.slice(0, Math.max(0, room))) this.found(known, nowMs);
  }

  #known(which: (neighbour: Neighbour) => boolean): readonly Known[] {
    return [...this.#neighbours]
      .filter(([, neighbour]) => which(neighbour))
      .map(([manager, { sources, snapshotAt }]) => [manager, [...sources], snapshotAt]);
  }

  #learn(manager: string, sources: readonly string[], nowMs: number): Neighbour | undefined {
    if (manager === this.#own) return undefined;
    const open = sources.filter((source) => !this.#settled.has(source));
    let neighbour = this.#neighbours.get(manager);
    if (neighbour === undefined) {
      if (open.length === 0 || this.#neighbours.size >= neighboursMax) return undefined;
      const introducedMs = Number.NEGATIVE_INFINITY;
      const state = { snapshotAt: 0, heardMs: nowMs, isHearsay: true, isDead: false, introducedMs };
      neighbour = { sources: new Set(), ...state };
      this.#neighbours.set(manager, neighbour);
      this.onMet(manager);
    }
    for (const source of open) if (neighbour.sources.size < sourcesMax) neighbour.sources.add(source);
    return neighbour;
  }
}

/** Its size in a heartbeat, in characters. */
function sizeOf([manager, sources]: Known): number {
  return sources.reduce((sum, source) => sum + source.length + 3, manager.length + 24);
}
