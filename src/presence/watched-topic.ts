import { textCostBytes } from "../costs.ts";
import { Changes } from "./changes.ts";
import type { News } from "./presence-message.ts";

/** What a member takes besides its name, in bytes: its place in a map, and its change. */
const memberOverheadBytes = 96;

/** Is told about a topic that clients of this manager watch. */
export interface TopicWatcher {
  /** From now on the members are known. */
  ready(): void;
  /** The clients that came and went since the last call; both may be empty, if those that came have gone again. */
  changed(joined: readonly string[], left: readonly string[]): void;
  /** There are more members than can be kept. Nothing more is told. */
  overfull(): void;
}

/** A topic that clients of this manager watch, with its members on all managers. Each client id counts once. */
export class WatchedTopic {
  readonly topic: string;
  /** Undefined while nobody watches it, and it is kept in case somebody does again. */
  watcher: TopicWatcher | undefined;
  /** Whether the watcher knows the members; `overfull`: there are more than can be kept, so none are. */
  state: "unknown" | "known" | "overfull" = "unknown";
  /** Managers that have not answered yet. */
  readonly awaits: Set<string>;
  /** The managers on which each client is; most are on one. */
  readonly #members = new Map<string, string | readonly string[]>();
  readonly #changes = new Changes();
  /** For each manager that sends all its members in parts, those that have come so far; undefined if none were known before. */
  readonly #whole = new Map<string, Set<string> | undefined>();
  /** How many of the members each manager has. */
  readonly #counts = new Map<string, number>();
  readonly #kept: (bytes: number) => void;
  #bytes = 0;

  /** @param kept told by how many bytes it has grown */
  constructor(topic: string, awaits: Iterable<string>, kept: (bytes: number) => void) {
    this.topic = topic;
    this.awaits = new Set(awaits);
    this.#kept = kept;
  }

  /** The current members: those that were told last, with the changes since. */
  get members(): Iterable<string> {
    return this.#members.keys();
  }

  get count(): number {
    return this.#members.size;
  }

  /** Managers that have not told their members. */
  get missing(): readonly string[] {
    return [...this.awaits];
  }

  /** What the members take, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether `changed` will be called soon. */
  get hasChanged(): boolean {
    return this.#changes.size > 0;
  }

  take(manager: string, { part, parts, joined, left }: News): void {
    if (this.state === "overfull") return;
    if (part === undefined || parts === undefined) {
      for (const name of left) this.#remove(name, manager);
      this.#addAll(joined, manager);
      return;
    }
    if (part === 0) this.#whole.set(manager, this.#counts.has(manager) ? new Set() : undefined);
    // If its first part was lost, the manager's numbers show that.
    if (!this.#whole.has(manager)) return;
    const whole = this.#whole.get(manager);
    if (whole !== undefined) for (const name of joined) whole.add(name);
    this.#addAll(joined, manager);
    if (part < parts - 1) return;
    this.#whole.delete(manager);
    if (whole !== undefined)
      for (const [name, where] of this.#members)
        if (isOn(where, manager) && !whole.has(name)) this.#remove(name, manager);
    this.awaits.delete(manager);
  }

  /** A manager has gone, and with it its clients. */
  gone(manager: string): void {
    this.#whole.delete(manager);
    this.awaits.delete(manager);
    for (const [name, where] of this.#members) if (isOn(where, manager)) this.#remove(name, manager);
  }

  takeChanges(): { readonly joined: readonly string[]; readonly left: readonly string[] } {
    return this.#changes.take((name) => this.#members.has(name));
  }

  /** Drops everything. */
  clear(): void {
    this.#kept(-this.#bytes);
    this.#bytes = 0;
    this.#members.clear();
    this.#counts.clear();
    this.#whole.clear();
    this.#changes.take(() => false);
  }

  /** Counts and weighs them together: there may be very many. */
  #addAll(names: readonly string[], manager: string): void {
    let count = 0;
    let bytes = 0;
    for (const name of names) {
      const where = this.#members.get(name);
      if (where !== undefined && isOn(where, manager)) continue;
      this.#members.set(name, where === undefined ? manager : [where, manager].flat());
      count++;
      if (where !== undefined) continue;
      this.#note(name, false);
      bytes += textCostBytes(name) + memberOverheadBytes;
    }
    this.#count(manager, count);
    this.#weigh(bytes);
  }

  #remove(name: string, manager: string): void {
    const where = this.#members.get(name);
    if (where === undefined || !isOn(where, manager)) return;
    this.#count(manager, -1);
    const others = typeof where === "string" ? [] : where.filter((one) => one !== manager);
    if (others.length > 0) {
      this.#members.set(name, others.length === 1 ? others[0]! : others);
      return;
    }
    this.#members.delete(name);
    this.#note(name, true);
    this.#weigh(-textCostBytes(name) - memberOverheadBytes);
  }

  /** Notes a change. Before it is ready, the watcher has been told nothing. */
  #note(name: string, was: boolean): void {
    if (this.state === "known") this.#changes.note(name, was);
  }

  #count(manager: string, by: number): void {
    const count = (this.#counts.get(manager) ?? 0) + by;
    if (count > 0) this.#counts.set(manager, count);
    else this.#counts.delete(manager);
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes;
    this.#kept(bytes);
  }
}

function isOn(where: string | readonly string[], manager: string): boolean {
  return typeof where === "string" ? where === manager : where.includes(manager);
}
