import { inParts } from "../text-parts.ts";
import { Gathering } from "./gathering.ts";
import type { Peers } from "./peers.ts";
import { messageMaxBytes, type News, type PresenceMessage } from "./presence-message.ts";
import { Publishers } from "./publishers.ts";
import type { PresenceTiming } from "./timing.ts";
import { type TopicWatcher, WatchedTopic } from "./watched-topic.ts";

/** How many topics one manager's clients may watch. */
export const topicsMax = 10_000;
/** What the members of all topics that this manager's clients watch may take, in bytes. */
const membersBytesMax = 256 * 1024 ** 2;
/** How many unwatched topics are kept. */
const lingeringMax = 100;

/** The topics that this manager's clients watch, with their members on all managers. */
export class Watching {
  readonly #peers: Peers;
  readonly #timing: PresenceTiming;
  readonly #own: { watch(topic: string): void; unwatch(topic: string): void };
  readonly #topics = new Map<string, WatchedTopic>();
  readonly #publishers = new Publishers();
  readonly #changed = new Set<WatchedTopic>();
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  /** The topics whose members managers may still send, with the timers that end this. */
  readonly #awaiting = new Map<string, NodeJS.Timeout>();
  #begun = new Set<string>();
  #ended = new Set<string>();
  #telling: NodeJS.Immediate | undefined;
  readonly #changes: Gathering;
  #version = 0;
  #bytes = 0;

  /** @param own gets what this manager's clients watch, to tell its own members */
  constructor(
    peers: Peers,
    own: { watch(topic: string): void; unwatch(topic: string): void },
    timing: PresenceTiming,
  ) {
    this.#timing = timing;
    this.#peers = peers;
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

  /** @returns why the topic cannot be watched, in words for a client */
  watch(topic: string, watcher: TopicWatcher): WatchedTopic | string {
    const lingering = this.#lingering.get(topic);
    if (lingering !== undefined) return this.#watchAgain(topic, watcher, lingering);
    if (this.#topics.size >= topicsMax)
      return `more than ${topicsMax} topics are watched by this manager's clients`;
    const { own, others } = this.#peers;
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

  /** Takes a publisher's message about a topic. This manager is one of the publishers. */
  took(publisher: string, news: News): void {
    const watched = this.#topics.get(news.topic);
    if (watched === undefined) return;
    watched.take(publisher, news);
    if (this.#bytes > membersBytesMax) this.#overfull();
    this.#isChanged(watched);
  }

  heard(said: PresenceMessage): void {
    const { from } = said;
    if ("again" in said) this.#tellAgain(from);
    if (!("number" in said) || this.#topics.size === 0) return;
    const publisher = this.#publishers.of(from);
    if (publisher === undefined) return;
    const { number, news } = said;
    const isNext = number === publisher.number + (news === undefined ? 0 : 1);
    publisher.number = number;
    for (const one of news ?? []) this.took(from, one);
    const nowMs = performance.now();
    if (isNext || nowMs - publisher.askedMs < this.#timing.resendEveryMs) return;
    publisher.askedMs = nowMs;
    this.#peers.tell(from, { from: this.#peers.own, resend: true });
  }

  /** A manager has come to be known. Its members belong to the snapshots that are not complete yet. */
  met(manager: string): void {
    for (const watched of this.#topics.values()) if (watched.state === "unknown") watched.awaits.add(manager);
  }

  /** A manager has gone, and with it its clients. */
  gone(manager: string): void {
    this.#publishers.gone(manager);
    for (const watched of this.#topics.values()) {
      watched.gone(manager);
      this.#isChanged(watched);
    }
  }

  /** Sends all publishers the list's version, so that a publisher that missed a change notices that. */
  beat(): void {
    if (this.#version > 0) this.#peers.tellAll({ from: this.#peers.own, version: this.#version });
  }

  /** Messages arrive again. Those that were sent meanwhile are lost. */
  opened(): void {
    this.#tellList((list) => this.#peers.tellAll(list));
  }

  close(): void {
    clearImmediate(this.#telling);
    this.#changes.close();
    for (const timer of [...this.#lingering.values(), ...this.#awaiting.values()]) clearTimeout(timer);
  }

  /** A publisher has missed a part of the list. It asks with each unexpected version, so a request that comes too soon may be ignored. */
  #tellAgain(from: string): void {
    const publisher = this.#publishers.of(from);
    const nowMs = performance.now();
    if (publisher === undefined || nowMs - publisher.listedMs < this.#timing.resendEveryMs) return;
    publisher.listedMs = nowMs;
    this.#tellList((list) => this.#peers.tell(from, list));
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
    // Otherwise a client that subscribes and unsubscribes in a loop would have all of these topics kept for a second.
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

  /** No answer is awaited any more. */
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

  /** Changes within one turn of the event loop are sent together. */
  #tellSoon(): void {
    this.#telling ??= setImmediate(() => this.#tellChange());
  }

  #tellChange(): void {
    this.#telling = undefined;
    const from = this.#peers.own;
    const begun = inParts(this.#begun, messageMaxBytes);
    const ended = inParts(this.#ended, messageMaxBytes);
    this.#begun = new Set();
    this.#ended = new Set();
    for (const unwatch of ended)
      if (unwatch.length > 0) this.#peers.tellAll({ from, version: ++this.#version, unwatch });
    for (const watch of begun)
      if (watch.length > 0) this.#peers.tellAll({ from, version: ++this.#version, watch });
  }

  /** Sends the whole list. It includes changes that still wait, which are sent again as the next versions. */
  #tellList(tell: (list: PresenceMessage) => void): void {
    if (this.#version === 0) return;
    const parts = inParts(this.#topics.keys(), messageMaxBytes);
    for (const [part, all] of parts.entries())
      tell({ from: this.#peers.own, version: this.#version, all, part, parts: parts.length });
  }
}
