import type { AttendanceByTurns, Attendee, ClientScan } from "../events/attendance.ts";
import { Held } from "./held.ts";
import { TimeShare } from "./time-share.ts";

/** Scans take at most one part in so many of the time, however many clients there are, and however often topics are asked for. */
const scanPart = 10;

/** Used and called by `Members`. */
export interface MembersHooks {
  /** The name of a client that has no id. */
  nameOf(client: Attendee): string | undefined;
  /** There are changes for `takeChanges`. */
  onChanged(): void;
  /** The members of these topics, which were asked for, are known. */
  onKnown(topics: readonly string[]): void;
}

/**
 * This manager's members of topics, only for topics that are watched on any manager. A member is a client id with at least one subscription
 * to exactly this topic, live or durable.
 */
export class Members {
  readonly #attendance: AttendanceByTurns;
  readonly #hooks: MembersHooks;
  readonly #share: TimeShare;
  readonly #held = new Map<string, Held>();
  readonly #changed = new Set<string>();
  #unknown = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  /** The current scan of all clients, and the topics that it searches for. */
  #scan: ClientScan | undefined;
  #sought: ReadonlyMap<string, Held> = new Map();
  /** The current scan of all clients for those whose names have changed. */
  #renaming: ClientScan | undefined;

  /** @param scanAheadMs scans may take their part of this time at once, in milliseconds */
  constructor(attendance: AttendanceByTurns, hooks: MembersHooks, scanAheadMs: number) {
    this.#share = new TimeShare(scanPart, scanAheadMs);
    this.#attendance = attendance;
    this.#hooks = hooks;
  }

  /** How many topics are watched. */
  get size(): number {
    return this.#held.size;
  }

  /** The managers whose clients watch a topic. */
  watchersOf(topic: string): ReadonlySet<string> {
    return this.#held.get(topic)?.watchers ?? none;
  }

  /** Its members, if they are known. */
  of(topic: string): Iterable<string> | undefined {
    const held = this.#held.get(topic);
    return held?.state === "known" ? held.names.keys() : undefined;
  }

  /** A manager's clients watch a topic. Returns whether its members are known. If not, `onKnown` is called when they are. */
  watch(topic: string, manager: string): boolean {
    let held = this.#held.get(topic);
    if (held === undefined) {
      held = new Held();
      this.#held.set(topic, held);
    }
    held.watchers.add(manager);
    if (held.state === "unknown") {
      this.#unknown.add(topic);
      this.#scanSoon();
    }
    return held.state === "known";
  }

  unwatch(topic: string, manager: string): void {
    const held = this.#held.get(topic);
    if (held === undefined) return;
    held.watchers.delete(manager);
    if (held.watchers.size > 0) return;
    this.#held.delete(topic);
    this.#changed.delete(topic);
    this.#unknown.delete(topic);
  }

  subscribed(client: Attendee, topic: string): void {
    if (this.#held.size === 0) return;
    const held = this.#held.get(topic);
    if (held !== undefined && this.#isSeen(held, client)) this.#enter(topic, held, client);
  }

  unsubscribed(client: Attendee, topic: string): void {
    if (this.#held.size === 0) return;
    const held = this.#held.get(topic);
    if (held !== undefined && this.#isSeen(held, client)) this.#leave(topic, held, client, 1);
  }

  disconnected(client: Attendee): void {
    this.#scan?.leaveOut(client);
    this.#renaming?.leaveOut(client);
    if (this.#held.size === 0) return;
    for (const topic of client.topics()) {
      const held = this.#held.get(topic);
      if (held !== undefined && this.#isSeen(held, client))
        this.#leave(topic, held, client, Number.POSITIVE_INFINITY);
    }
  }

  /** The names of clients without an id have changed. Topics whose members are known get the new ones by turns. */
  renamed(): void {
    this.#seekAgain();
    this.#renaming?.stop();
    this.#renaming = undefined;
    if (this.#held.size === 0) return;
    const rename = (client: Attendee) => this.#rename(client);
    this.#renaming = this.#attendance.scan(rename, () => {
      this.#renaming = undefined;
    });
  }

  /** The changes of each topic since the last call. */
  *takeChanges(): Iterable<{
    readonly topic: string;
    readonly joined: string[];
    readonly left: string[];
  }> {
    for (const topic of this.#changed) {
      const held = this.#held.get(topic)!;
      const changes = held.changes.take((name) => held.names.has(name));
      if (changes.joined.length + changes.left.length > 0) yield { topic, ...changes };
    }
    this.#changed.clear();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#scan?.stop();
    this.#renaming?.stop();
  }

  /** Whether a client's subscriptions are counted as they come. Otherwise the current scan finds them, or the next one. */
  #isSeen({ state }: Held, client: Attendee): boolean {
    return state === "known" || (state === "sought" && this.#scan?.isAheadOf(client) === false);
  }

  #scanSoon(): void {
    if (this.#unknown.size === 0 || this.#scan !== undefined) return;
    this.#timer ??= setTimeout(() => this.#scanAll(), this.#share.restMs);
  }

  /** Scans all clients. No index of subscribers by topic is kept, since all clients would pay for what few need. */
  #scanAll(): void {
    this.#timer = undefined;
    const beganMs = performance.now();
    const sought = new Map([...this.#unknown].map((topic) => [topic, this.#held.get(topic)!] as const));
    this.#unknown = new Set();
    for (const held of sought.values()) held.state = "sought";
    const see = (client: Attendee) => this.#enterAll(sought, client);
    const scan = this.#attendance.scan(see, () => {
      this.#scan = undefined;
      this.#share.spent(beganMs, scan.tookMs);
      // These topics are sent as whole lists, not as changes, so they count as known only after that.
      for (const held of sought.values()) held.state = "known";
      // A topic that was unwatched and is watched again by now is searched for in the next scan.
      const isHeld = ([topic, held]: readonly [string, Held]) => this.#held.get(topic) === held;
      this.#hooks.onKnown([...sought].filter(isHeld).map(([topic]) => topic));
      this.#scanSoon();
    });
    this.#scan = scan;
    this.#sought = sought;
  }

  /** Scans again, since the names that the current scan has found are outdated. */
  #seekAgain(): void {
    if (this.#scan === undefined) return;
    this.#scan.stop();
    this.#scan = undefined;
    for (const [topic, held] of this.#sought) {
      held.forget();
      if (this.#held.has(topic)) this.#unknown.add(topic);
    }
    this.#scanSoon();
  }

  #rename(client: Attendee): void {
    if (client.id !== undefined) return;
    const known = new Map<string, Held>();
    for (const topic of client.topics()) {
      const held = this.#held.get(topic);
      if (held?.state === "known") known.set(topic, held);
    }
    for (const [topic, held] of known) this.#leave(topic, held, client, Number.POSITIVE_INFINITY);
    if (known.size > 0) this.#enterAll(known, client);
  }

  /** Counts a client where it subscribes to one of these topics. */
  #enterAll(topics: ReadonlyMap<string, Held>, client: Attendee): void {
    for (const topic of client.topics()) {
      const held = topics.get(topic);
      if (held !== undefined) this.#enter(topic, held, client);
    }
  }

  #enter(topic: string, held: Held, client: Attendee): void {
    const known = held.clients.get(client);
    if (known !== undefined) {
      known.count++;
      return;
    }
    const name = client.id ?? this.#hooks.nameOf(client);
    if (name === undefined) return;
    held.clients.set(client, { name, count: 1 });
    const connections = held.names.get(name) ?? 0;
    held.names.set(name, connections + 1);
    if (connections === 0) this.#note(topic, held, name, false);
  }

  #leave(topic: string, held: Held, client: Attendee, count: number): void {
    const known = held.clients.get(client);
    if (known === undefined) return;
    known.count -= count;
    if (known.count > 0) return;
    held.clients.delete(client);
    const { name } = known;
    const connections = held.names.get(name)! - 1;
    if (connections > 0) held.names.set(name, connections);
    else {
      held.names.delete(name);
      this.#note(topic, held, name, true);
    }
  }

  #note(topic: string, held: Held, name: string, was: boolean): void {
    if (held.state !== "known") return;
    held.changes.note(name, was);
    this.#changed.add(topic);
    this.#hooks.onChanged();
  }
}

const none: ReadonlySet<string> = new Set();
