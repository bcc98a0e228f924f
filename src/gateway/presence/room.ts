import { changeBodies, countBody, overfullBody, snapshotBodies } from "./bodies.ts";
import type { TopicView } from "./source.ts";
import type { Circle, Mode, Watcher } from "./watcher.ts";

/**
 * How many changes are kept for clients that have not got the whole snapshot yet, in characters: for one topic, and for all. Beyond that
 * these clients start again.
 */
const lateSizeMax = 1024 ** 2;
const lateSizeMaxOfAll = 16 * 1024 ** 2;

/**
 * Circles that a change is published to in one go, a microsecond or two for each. Anybody can make very many, by subscription ids of their own:
 * the watchers in further ones are told one by one, for as long as there is time.
 */
const publishedMax = 256;

/** What all rooms of a gateway keep of changes. */
export interface LateSize {
  /** In characters. */
  ofAll: number;
}

interface Late {
  readonly number: number;
  readonly bodies: readonly string[];
}

/** A topic whose presence clients of this manager watch: its members, and what the watchers get. */
export class Room {
  readonly topic: string;
  /** The destination as clients call it. */
  readonly destination: string;
  /** Undefined until the source has accepted. */
  view: TopicView | undefined;
  readonly circles = new Map<string, Circle>();
  /** Watchers that have got nothing yet. */
  readonly waiting = new Set<Watcher>();
  /** Watchers that have got a part of the snapshot. */
  readonly catching = new Set<Watcher>();
  /** Whether the source has told the members; `overfull`: there are too many, and nothing more is told. */
  state: "unknown" | "known" | "overfull" = "unknown";
  /** How many circles are published to. */
  #published = 0;
  /** The number of the last change. */
  #number = 0;
  #snapshot: readonly string[] | undefined;
  /** The last changes, the oldest first, as long as a watcher catches up. */
  #late: Late[] = [];
  #lateSize = 0;
  readonly #size: LateSize;

  constructor(topic: string, destination: string, size: LateSize) {
    this.topic = topic;
    this.destination = destination;
    this.#size = size;
  }

  get isEmpty(): boolean {
    return this.circles.size === 0;
  }

  /** Whether waiting watchers may begin, since no change is pending. */
  get isSteady(): boolean {
    return this.state === "known" && this.view?.hasChanged === false;
  }

  overfull(): readonly string[] {
    this.state = "overfull";
    this.#snapshot = undefined;
    this.#forgetLate();
    return [overfullBody];
  }

  /** Clients came and went. Returns the messages for watchers that are up to date, by their mode. */
  changed(joined: readonly string[], left: readonly string[]): Readonly<Record<Mode, readonly string[]>> {
    const count = this.view?.count ?? 0;
    if (joined.length + left.length === 0) return { list: [], count: [] };
    this.#snapshot = undefined;
    const list = [...changeBodies("left", left, count), ...changeBodies("joined", joined, count)];
    this.#number++;
    if (this.catching.size > 0) {
      this.#forgetPassed();
      this.#keep({ number: this.#number, bodies: list });
    }
    return { list, count: joined.length === left.length ? [] : [countBody(count, [])] };
  }

  /** A watcher starts to catch up. */
  begin(watcher: Watcher): void {
    watcher.state = "catching";
    watcher.number = this.#number;
    watcher.written = 0;
    const { count, missing } = this.view!;
    watcher.bodies = watcher.circle.mode === "count" ? [countBody(count, missing)] : this.#all;
    this.catching.add(watcher);
  }

  /** What a watcher gets next: a part of the snapshot, or a change; undefined if it is up to date; `lost` if it has to start again. */
  next(watcher: Watcher): readonly string[] | undefined | "lost" {
    if (watcher.written < watcher.bodies.length) return [watcher.bodies[watcher.written++]!];
    if (watcher.number === this.#number) return undefined;
    if (watcher.circle.mode === "count") {
      watcher.number = this.#number;
      return [countBody(this.view!.count, [])];
    }
    const late = this.#late[watcher.number + 1 - (this.#late[0]?.number ?? Number.POSITIVE_INFINITY)];
    if (late === undefined) return "lost";
    watcher.number = late.number;
    return late.bodies;
  }

  /** Whether a watcher that knows all may be published to with its circle. If not, it goes on as one that catches up. */
  mayPublishTo(watcher: Watcher): boolean {
    watcher.bodies = [];
    watcher.written = 0;
    return watcher.circle.clientCount > 0 || this.#published < publishedMax;
  }

  /** One more client is published to with its circle, or one less. */
  published({ circle }: Watcher, by: 1 | -1): void {
    const before = circle.clientCount;
    circle.clientCount += by;
    if (before === 0 || circle.clientCount === 0) this.#published += by;
  }

  /** The watcher no longer catches up. */
  caughtUp(watcher: Watcher): void {
    watcher.bodies = [];
    this.catching.delete(watcher);
    if (this.catching.size === 0) this.#forgetLate();
  }

  /** What all have got that catch up is needed no more. */
  #forgetPassed(): void {
    let passed = Number.POSITIVE_INFINITY;
    for (const { circle, number } of this.catching)
      if (circle.mode === "list" && number < passed) passed = number;
    const first = this.#late.findIndex(({ number }) => number > passed);
    for (const late of this.#late.splice(0, first < 0 ? this.#late.length : first)) this.#grow(-sizeOf(late));
  }

  #forgetLate(): void {
    this.#late = [];
    this.#size.ofAll -= this.#lateSize;
    this.#lateSize = 0;
  }

  /**
   * The snapshot's bodies, made once for all watchers that begin before the next change. So a client that subscribes and unsubscribes in a
   * loop costs nothing more.
   */
  get #all(): readonly string[] {
    if (this.#snapshot !== undefined) return this.#snapshot;
    const { members, count, missing } = this.view!;
    const snapshot = snapshotBodies(members, count, missing);
    // The list of missing managers may change without an event, so such a snapshot is not kept.
    if (missing.length === 0) this.#snapshot = snapshot;
    return snapshot;
  }

  #keep(late: Late): void {
    this.#late.push(late);
    this.#grow(sizeOf(late));
    while (this.#lateSize > lateSizeMax || (this.#size.ofAll > lateSizeMaxOfAll && this.#late.length > 0))
      this.#grow(-sizeOf(this.#late.shift()!));
  }

  #grow(by: number): void {
    this.#lateSize += by;
    this.#size.ofAll += by;
  }
}

function sizeOf({ bodies }: Late): number {
  return bodies.reduce((sum, { length }) => sum + length, 0);
}
