import type { Heartbeat, Known } from "./event.ts";

/** Milliseconds without a heartbeat after which it is asked whether a manager is still connected to the broker. */
const doubtAfterMs = 3000;
/** Milliseconds without a heartbeat after which a manager is taken for dead, also if it is connected: it may be frozen. */
const deadAfterMs = 15_000;
/** Managers that are known at a time. Only a program that makes them up has more: they are left out. */
export const neighboursMax = 1000;
/** Those of them that others named, and that were never heard. */
export const hearsayMax = 200;
/** Sources that are remembered to be at their end. */
const settledMax = 10_000;
/** Sources that one manager may not have settled. */
const sourcesMax = 100;
/** What one heartbeat tells of other managers, in characters: far below what is read of one message (`told.ts`). */
export const knownCharsMax = 64 * 1024;

interface Neighbour {
  readonly sources: Set<string>;
  snapshotAt: number;
  heardMs: number;
  /** Whether others or the log know of it, and it has not been heard itself. */
  isHearsay: boolean;
  isDead: boolean;
}

/** Which other managers there are, by their heartbeats. Times are those of a clock that never goes back. */
export class Neighbours {
  readonly #own: string;
  readonly #neighbours = new Map<string, Neighbour>();
  /** Sources at their end: what they still say comes from a manager that does not know it yet. */
  readonly #settled = new Set<string>();

  /** @param own this manager's name, which is no neighbour */
  constructor(own: string) {
    this.#own = own;
  }

  /** The managers that are not known to be dead. */
  get names(): readonly string[] {
    return [...this.#neighbours].filter(([, { isDead }]) => !isDead).map(([manager]) => manager);
  }

  /** Whether it is known, and not at its end. */
  has(manager: string): boolean {
    return this.#neighbours.has(manager);
  }

  /** @returns false if its source is at its end already: it has to be told */
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

  /** The log knows of it; nothing was heard of it. */
  found([manager, sources, snapshotAt]: Known, nowMs: number): void {
    if (this.#neighbours.has(manager)) return;
    const neighbour = this.#learn(manager, sources, nowMs);
    if (neighbour !== undefined) neighbour.snapshotAt = snapshotAt;
  }

  /** A source is at its end. A manager that has none needs no heir. Returns those that are gone by this. */
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

  /** The managers that are dead, with what they leave. */
  dead(nowMs: number): readonly Known[] {
    return this.#known(({ heardMs, isDead }) => isDead || nowMs - heardMs >= deadAfterMs);
  }

  /** What others should know of, too: those that were heard first, since any program may have made up the others. */
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

  /** This process could hear nobody for a while: the time of all of them begins anew. */
  wasDeaf(nowMs: number): void {
    for (const neighbour of this.#neighbours.values()) {
      neighbour.heardMs = nowMs;
      neighbour.isDead = false;
    }
  }

  /** Others know of them. */
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
      neighbour = { sources: new Set(), snapshotAt: 0, heardMs: nowMs, isHearsay: true, isDead: false };
      this.#neighbours.set(manager, neighbour);
    }
    for (const source of open) if (neighbour.sources.size < sourcesMax) neighbour.sources.add(source);
    return neighbour;
  }
}

/** In a heartbeat, in characters. */
function sizeOf([manager, sources]: Known): number {
  return sources.reduce((sum, source) => sum + source.length + 3, manager.length + 24);
}
