import type { AttendanceByTurns, Attendee } from "../events/attendance.ts";
import { Gathering } from "./gathering.ts";
import { Members, type MembersHooks } from "./members.ts";
import { changesOf, inMessages, wholeOf } from "./news.ts";
import type { Peers } from "./peers.ts";
import type { News, PresenceMessage, Topics } from "./presence-message.ts";
import type { PresenceTiming } from "./timing.ts";
import { topicsMax } from "./watching.ts";
import { WholeLists } from "./whole-lists.ts";

/** The most watching managers, and topics of all of them together. Only a foreign program would make up more; these are ignored. */
const watchersMax = 10_000;
const heldTopicsMax = 100_000;

/** How much of whole lists is told before the clock is looked at. */
const toldTogether = { news: 16, names: 1000 } as const;

interface Watcher {
  topics: Set<string>;
  /** The version of its list, as far as it is known here. */
  version: number;
  /** The number of the last message to it. */
  number: number;
  /** Topics of which it is to get all members, when they are known. */
  readonly awaits: Set<string>;
  /** Its list of topics, while the parts come in. */
  list: Set<string> | undefined;
  /** Whether something could not be sent, so that everything has to be sent again. */
  hasMissed: boolean;
}

/** Tells watching managers which of this manager's clients are on the topics. */
export class MembersPublisher {
  readonly #peers: Peers;
  readonly #members: Members;
  readonly #tellOwn: (news: News) => void;
  readonly #watchers = new Map<string, Watcher>();
  readonly #changes: Gathering;
  readonly #wholeLists: WholeLists;

  /** @param tellOwn gets what this manager tells itself */
  constructor(
    peers: Peers,
    attendance: AttendanceByTurns,
    nameOf: (client: Attendee) => string | undefined,
    tellOwn: (news: News) => void,
    { gatherMs, scanAheadMs }: PresenceTiming,
  ) {
    this.#peers = peers;
    this.#tellOwn = tellOwn;
    this.#changes = new Gathering(gatherMs, () => this.#flush());
    const hooks: MembersHooks = {
      nameOf,
      onChanged: () => this.#changes.add(),
      onKnown: (topics) => this.#known(topics),
    };
    this.#wholeLists = new WholeLists(
      () => attendance.loop,
      (manager, topics) => this.#tellWhole(manager, topics),
    );
    this.#members = new Members(attendance, hooks, scanAheadMs);
  }

  /** This manager's members of the topics. */
  get members(): Members {
    return this.#members;
  }

  /** How many topics are watched, on any manager. */
  get topicCount(): number {
    return this.#members.size;
  }

  watch(manager: string, topics: Topics): void {
    const watcher = this.#watcherOf(manager);
    if (watcher === undefined) return;
    for (const topic of topics) {
      if (this.#members.size >= heldTopicsMax || watcher.topics.size >= topicsMax) return;
      watcher.topics.add(topic);
      if (this.#members.watch(topic, manager)) this.#wholeLists.add(manager, topic);
      else watcher.awaits.add(topic);
    }
  }

  unwatch(manager: string, topics: Iterable<string>): void {
    const watcher = this.#watchers.get(manager);
    for (const topic of topics) {
      if (watcher?.topics.delete(topic) !== true) continue;
      watcher.awaits.delete(topic);
      this.#wholeLists.drop(manager, topic);
      this.#members.unwatch(topic, manager);
    }
  }

  heard(said: PresenceMessage): void {
    const { from } = said;
    if ("resend" in said) {
      this.#resend(from);
      return;
    }
    if (!("version" in said)) return;
    if ("all" in said) {
      this.#heardList(said);
      return;
    }
    const { version, watch, unwatch } = said;
    const isChange = watch !== undefined || unwatch !== undefined;
    const known = this.#watchers.get(from)?.version ?? 0;
    if (version !== known + (isChange ? 1 : 0)) {
      if (version !== known) this.#peers.tell(from, { from: this.#peers.own, again: true });
      return;
    }
    if (unwatch !== undefined) this.unwatch(from, unwatch);
    if (watch !== undefined) this.watch(from, watch);
    const watcher = this.#watchers.get(from);
    if (watcher !== undefined) watcher.version = version;
  }

  /** A manager has gone, and with it everything that its clients watched. */
  gone(manager: string): void {
    const watcher = this.#watchers.get(manager);
    if (watcher === undefined) return;
    this.unwatch(manager, [...watcher.topics]);
    this.#watchers.delete(manager);
  }

  /** Sends each watcher the number of the last message to it, so that it notices a lost one. */
  beat(): void {
    for (const [manager, { number, topics }] of this.#watchers)
      if (manager !== this.#peers.own && topics.size > 0)
        this.#peers.tell(manager, { from: this.#peers.own, number });
  }

  /** Messages arrive again. */
  opened(): void {
    for (const [manager, watcher] of this.#watchers) {
      if (manager === this.#peers.own || !watcher.hasMissed) continue;
      watcher.hasMissed = false;
      this.#resend(manager);
    }
  }

  /** Messages on their way are lost. */
  closed(): void {
    for (const watcher of this.#watchers.values()) watcher.hasMissed = true;
  }

  close(): void {
    this.#changes.close();
    this.#wholeLists.close();
    this.#members.close();
  }

  #heardList({ from, version, all, part, parts }: Extract<PresenceMessage, { all: Topics }>): void {
    const watcher = this.#watcherOf(from);
    if (watcher === undefined) return;
    if (part === 0) watcher.list = new Set();
    const { list } = watcher;
    if (list === undefined) return;
    for (const topic of all) if (list.size < topicsMax) list.add(topic);
    if (part < parts - 1) return;
    watcher.list = undefined;
    this.unwatch(
      from,
      [...watcher.topics].filter((topic) => !list.has(topic)),
    );
    this.watch(from, [...list]);
    watcher.version = version;
  }

  #resend(manager: string): void {
    const watcher = this.#watchers.get(manager);
    if (watcher !== undefined) this.watch(manager, [...watcher.topics]);
  }

  #watcherOf(manager: string): Watcher | undefined {
    let watcher = this.#watchers.get(manager);
    if (watcher === undefined && this.#watchers.size < watchersMax) {
      watcher = {
        topics: new Set(),
        version: 0,
        number: 0,
        awaits: new Set(),
        list: undefined,
        hasMissed: false,
      };
      this.#watchers.set(manager, watcher);
    }
    return watcher;
  }

  #known(topics: readonly string[]): void {
    for (const [manager, { awaits }] of this.#watchers)
      for (const topic of topics) if (awaits.delete(topic)) this.#wholeLists.add(manager, topic);
  }

  #tellWhole(manager: string, topics: Iterable<string>): void {
    const watcher = this.#watchers.get(manager)!;
    let news: News[] = [];
    let names = 0;
    for (const topic of topics) {
      for (const part of wholeOf(topic, this.#members.of(topic))) {
        news.push(part);
        names += part.joined.length;
      }
      if (news.length < toldTogether.news && names < toldTogether.names) continue;
      this.#tell(manager, watcher, news);
      news = [];
      names = 0;
    }
    this.#tell(manager, watcher, news);
  }

  #flush(): void {
    const byWatcher = new Map<string, News[]>();
    for (const { topic, joined, left } of this.#members.takeChanges()) {
      const parts = changesOf(topic, joined, left);
      for (const manager of this.#members.watchersOf(topic)) {
        const news = byWatcher.get(manager);
        if (news === undefined) byWatcher.set(manager, [...parts]);
        else news.push(...parts);
      }
    }
    for (const [manager, news] of byWatcher) this.#tell(manager, this.#watchers.get(manager)!, news);
  }

  #tell(manager: string, watcher: Watcher, news: readonly News[]): void {
    if (manager === this.#peers.own) {
      for (const one of news) this.#tellOwn(one);
      return;
    }
    if (!this.#peers.isOpen) {
      watcher.hasMissed = true;
      return;
    }
    for (const some of inMessages(news))
      this.#peers.tell(manager, { from: this.#peers.own, number: ++watcher.number, news: some });
  }
}
