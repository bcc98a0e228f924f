import { inParts } from "../text-parts.ts";
import { Gathering } from "./gathering.ts";
import { Owners } from "./owners.ts";
import type { Post } from "./post.ts";
import { type News, type Said, saidBytesMax } from "./said.ts";
import type { PresenceTiming } from "./timing.ts";
import { type TopicWatcher, WatchedTopic } from "./watched-topic.ts";

/** Topics that one manager's clients may watch. */
export const topicsMax = 10_000;
/** What the members of all topics that this manager's clients watch may take, in bytes. */
const membersBytesMax = 256 * 1024 ** 2;
/** Topics that are kept though nobody watches them any more. */
const lingeringMax = 100;

/** The topics that this manager's clients watch, and who is there on all managers. */
export class Watching {
  readonly #post: Post;
  readonly #timing: PresenceTiming;
  readonly #own: { watch(topic: string): void; unwatch(topic: string): void };
  readonly #topics = new Map<string, WatchedTopic>();
  readonly #owners = new Owners();
  readonly #changed = new Set<WatchedTopic>();
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  /** The topics of which managers may still say who is there, each with the end of that time. */
  readonly #awaiting = new Map<string, NodeJS.Timeout>();
  #begun = new Set<string>();
  #ended = new Set<string>();
  #telling: NodeJS.Immediate | undefined;
  readonly #changes: Gathering;
  #version = 0;
  #bytes = 0;

  /** @param own hears what this manager's clients watch, for its own members */
  constructor(
    post: Post,
    own: { watch(topic: string): void; unwatch(topic: string): void },
    timing: PresenceTiming,
  ) {
    this.#timing = timing;
    this.#post = post;
    this.#own = own;
    this.#changes = new Gathering(timing.gatherMs, () => this.#flush());
  }

  get topicCount(): number {
    return this.#topics.size;
  }

  /** What the members take in memory, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @returns why it cannot be watched, in words for a client */
  watch(topic: string, watcher: TopicWatcher): WatchedTopic | string {
    const lingering = this.#lingering.get(topic);
    if (lingering !== undefined) return this.#watchAgain(topic, watcher, lingering);
    if (this.#topics.size >= topicsMax)
      return `more than ${topicsMax} topics are watched by this manager's clients`;
    const { own, others } = this.#post;
    const watched = new WatchedTopic(topic, [own, ...others], (bytes) => {
      this.#bytes += bytes;
    });
    watched.watcher = watcher;
    this.#topics.set(topic, watched);
    this.#own.watch(topic);
    this.#begun.add(topic);
    this.#tellSoon();
    this.#awaiting.set(
      topic,
      setTimeout(() => this.#ready(watched), this.#timing.answerMsMax),
    );
    return watched;
  }

  /** Nobody watches it any more. */
  unwatch(topic: string): void {
    const watched = this.#topics.get(topic);
    if (watched === undefined) return;
    watched.watcher = undefined;
    if (watched.state === "overfull" || this.#lingering.size >= lingeringMax) this.#forget(topic);
    else
      this.#lingering.set(
        topic,
        setTimeout(() => this.#forget(topic), this.#timing.lingerMs),
      );
  }

  /** Takes what an owner says; this manager is one of them. */
  took(owner: string, news: News): void {
    const watched = this.#topics.get(news.topic);
    if (watched === undefined) return;
    watched.take(owner, news);
    if (this.#bytes > membersBytesMax) this.#overfull();
    this.#isChanged(watched);
  }

  heard(said: Said): void {
    const { from } = said;
    if ("again" in said) this.#tellAgain(from);
    if (!("number" in said) || this.#topics.size === 0) return;
    const owner = this.#owners.of(from);
    if (owner === undefined) return;
    const { number, news } = said;
    const isNext = number === owner.number + (news === undefined ? 0 : 1);
    owner.number = number;
    for (const one of news ?? []) this.took(from, one);
    const nowMs = performance.now();
    if (isNext || nowMs - owner.askedMs < this.#timing.resendEveryMs) return;
    owner.askedMs = nowMs;
    this.#post.tell(from, { from: this.#post.own, resend: true });
  }

  /** A manager is gone, and so are its clients. */
  gone(manager: string): void {
    this.#owners.gone(manager);
    for (const watched of this.#topics.values()) {
      watched.gone(manager);
      this.#isChanged(watched);
    }
  }

  /** Tells all owners the list's version: one that missed a change notices that. */
  beat(): void {
    if (this.#version > 0) this.#post.tellAll({ from: this.#post.own, version: this.#version });
  }

  /** What is told arrives again, and what was told meanwhile is lost. */
  opened(): void {
    this.#tellList((list) => this.#post.tellAll(list));
  }

  close(): void {
    clearImmediate(this.#telling);
    this.#changes.close();
    for (const timer of [...this.#lingering.values(), ...this.#awaiting.values()]) clearTimeout(timer);
  }

  /** An owner has missed something of the list. It asks with each version that it does not expect: what it asks too soon, it asks again. */
  #tellAgain(from: string): void {
    const owner = this.#owners.of(from);
    const nowMs = performance.now();
    if (owner === undefined || nowMs - owner.listedMs < this.#timing.resendEveryMs) return;
    owner.listedMs = nowMs;
    this.#tellList((list) => this.#post.tell(from, list));
  }

  #watchAgain(topic: string, watcher: TopicWatcher, lingering: NodeJS.Timeout): WatchedTopic {
    clearTimeout(lingering);
    this.#lingering.delete(topic);
    const watched = this.#topics.get(topic)!;
    watched.takeChanges();
    watched.watcher = watcher;
    if (watched.state === "known")
      queueMicrotask(() => {
        if (watched.watcher === watcher) watcher.ready();
      });
    return watched;
  }

  #forget(topic: string): void {
    this.#lingering.delete(topic);
    const watched = this.#topics.get(topic)!;
    this.#topics.delete(topic);
    this.#changed.delete(watched);
    // A client that watches and leaves in a loop would otherwise have all of them kept for a second.
    this.#answered(topic);
    watched.clear();
    this.#own.unwatch(topic);
    if (!this.#begun.delete(topic)) this.#ended.add(topic);
    this.#tellSoon();
  }

  /** Gives up the topic with the most members. */
  #overfull(): void {
    let largest: WatchedTopic | undefined;
    for (const watched of this.#topics.values()) if (watched.bytes > (largest?.bytes ?? 0)) largest = watched;
    if (largest === undefined) return;
    largest.state = "overfull";
    largest.clear();
    largest.watcher?.overfull();
  }

  #isChanged(watched: WatchedTopic): void {
    if (watched.state === "unknown") {
      if (watched.awaits.size === 0) this.#ready(watched);
      return;
    }
    if (!watched.hasChanged) return;
    this.#changed.add(watched);
    this.#changes.add();
  }

  #ready(watched: WatchedTopic): void {
    if (watched.state !== "unknown" || this.#topics.get(watched.topic) !== watched) return;
    watched.state = "known";
    this.#answered(watched.topic);
    watched.watcher?.ready();
  }

  /** No answer is waited for any more. */
  #answered(topic: string): void {
    clearTimeout(this.#awaiting.get(topic));
    this.#awaiting.delete(topic);
  }

  #flush(): void {
    for (const watched of this.#changed) {
      const { joined, left } = watched.takeChanges();
      watched.watcher?.changed(joined, left);
    }
    this.#changed.clear();
  }

  /** What changes in one turn of the event loop is told as one change. */
  #tellSoon(): void {
    this.#telling ??= setImmediate(() => this.#tellChange());
  }

  #tellChange(): void {
    this.#telling = undefined;
    const from = this.#post.own;
    const begun = inParts(this.#begun, saidBytesMax);
    const ended = inParts(this.#ended, saidBytesMax);
    this.#begun = new Set();
    this.#ended = new Set();
    for (const unwatch of ended)
      if (unwatch.length > 0) this.#post.tellAll({ from, version: ++this.#version, unwatch });
    for (const watch of begun)
      if (watch.length > 0) this.#post.tellAll({ from, version: ++this.#version, watch });
  }

  /** Tells the whole list. It holds what waits to be told, which is told once more as the next versions. */
  #tellList(tell: (list: Said) => void): void {
    if (this.#version === 0) return;
    const parts = inParts(this.#topics.keys(), saidBytesMax);
    for (const [part, all] of parts.entries())
      tell({ from: this.#post.own, version: this.#version, all, part, parts: parts.length });
  }
}
