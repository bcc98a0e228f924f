import type { AttendanceByTurns, Attendee } from "../events/attendance.ts";
import type { Companion } from "../events/companion.ts";
import { MembersPublisher } from "./members-publisher.ts";
import type { Peers } from "./peers.ts";
import { type News, presenceMessageIn } from "./presence-message.ts";
import { defaultPresenceTiming, type PresenceTiming } from "./timing.ts";
import type { TopicWatcher, WatchedTopic } from "./watched-topic.ts";
import { Watching } from "./watching.ts";

/**
 * The clients on a topic, of all managers. Nobody stores that. A manager whose client watches a topic asks all others for their members,
 * and gets the changes from then on, until nobody watches the topic any more. Messages from one manager to another are numbered, so that a
 * lost one is noticed and everything is sent again.
 */
export class Presence implements Companion {
  readonly #peers: Peers;
  readonly #publisher: MembersPublisher;
  readonly #watching: Watching;

  /** @param nameOf the name of a client that has no id */
  constructor(
    peers: Peers,
    attendance: AttendanceByTurns,
    nameOf: (client: Attendee) => string | undefined,
    timing: PresenceTiming = defaultPresenceTiming,
  ) {
    this.#peers = peers;
    const tellOwn = (news: News) => this.#watching.took(peers.own, news);
    this.#publisher = new MembersPublisher(peers, attendance, nameOf, tellOwn, timing);
    const own = {
      watch: (topic: string) => this.#publisher.watch(peers.own, [topic]),
      unwatch: (topic: string) => this.#publisher.unwatch(peers.own, [topic]),
    };
    this.#watching = new Watching(peers, own, timing);
  }

  /** How many topics this manager's clients watch, how many are watched on any manager, and what the members take in bytes. */
  get figures(): { readonly watched: number; readonly told: number; readonly bytes: number } {
    return {
      watched: this.#watching.topicCount,
      told: this.#publisher.topicCount,
      bytes: this.#watching.bytes,
    };
  }

  /** @returns why the topic cannot be watched, in words for a client */
  watch(topic: string, watcher: TopicWatcher): WatchedTopic | string {
    return this.#watching.watch(topic, watcher);
  }

  unwatch(topic: string): void {
    this.#watching.unwatch(topic);
  }

  subscribed(client: Attendee, topic: string): void {
    this.#publisher.members.subscribed(client, topic);
  }

  unsubscribed(client: Attendee, topic: string): void {
    this.#publisher.members.unsubscribed(client, topic);
  }

  /** A client has gone. Call it while the client still has its subscriptions. */
  disconnected(client: Attendee): void {
    this.#publisher.members.disconnected(client);
  }

  heard(presence: unknown): void {
    const said = presenceMessageIn(presence);
    // A manager also gets its own messages to all. A message of a manager that has gone may still arrive. One that is not known yet will be
    // heard with its next message.
    if (said === undefined || said.from === this.#peers.own || !this.#peers.knows(said.from)) return;
    this.#publisher.heard(said);
    this.#watching.heard(said);
  }

  opened(): void {
    this.#publisher.opened();
    this.#watching.opened();
    this.#peers.tellAll({ from: this.#peers.own, again: true });
  }

  closed(): void {
    this.#publisher.closed();
  }

  met(manager: string): void {
    this.#watching.met(manager);
  }

  gone(manager: string): void {
    this.#publisher.gone(manager);
    this.#watching.gone(manager);
  }

  renamed(): void {
    this.#publisher.members.renamed();
  }

  beat(): void {
    this.#publisher.beat();
    this.#watching.beat();
  }

  close(): void {
    this.#publisher.close();
    this.#watching.close();
  }
}
