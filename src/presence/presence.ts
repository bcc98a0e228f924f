import type { Attendance, Attendee } from "../events/attendance.ts";
import type { Companion } from "../events/companion.ts";
import { Owner } from "./owner.ts";
import type { Post } from "./post.ts";
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
  readonly #post: Post;
  readonly #owner: Owner;
  readonly #watching: Watching;

  /** @param nameOf the name of a client that has no id */
  constructor(
    post: Post,
    attendance: Attendance,
    nameOf: (client: Attendee) => string | undefined,
    timing: PresenceTiming = defaultPresenceTiming,
  ) {
    this.#post = post;
    const tellOwn = (news: News) => this.#watching.took(post.own, news);
    this.#owner = new Owner(post, attendance, nameOf, tellOwn, timing);
    const own = {
      watch: (topic: string) => this.#owner.watch(post.own, [topic]),
      unwatch: (topic: string) => this.#owner.unwatch(post.own, [topic]),
    };
    this.#watching = new Watching(post, own, timing);
  }

  /** How many topics this manager's clients watch, how many are watched on any manager, and what the members take in bytes. */
  get figures(): { readonly watched: number; readonly told: number; readonly bytes: number } {
    return {
      watched: this.#watching.topicCount,
      told: this.#owner.topicCount,
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
    this.#owner.members.subscribed(client, topic);
  }

  unsubscribed(client: Attendee, topic: string): void {
    this.#owner.members.unsubscribed(client, topic);
  }

  /** A client has gone. Call it while the client still has its subscriptions. */
  disconnected(client: Attendee): void {
    this.#owner.members.disconnected(client);
  }

  heard(presence: unknown): void {
    const said = presenceMessageIn(presence);
    // A manager also gets its own messages to all. A message of a manager that has gone may still arrive. One that is not known yet will be
    // heard with its next message.
    if (said === undefined || said.from === this.#post.own || !this.#post.knows(said.from)) return;
    this.#owner.heard(said);
    this.#watching.heard(said);
  }

  opened(): void {
    this.#owner.opened();
    this.#watching.opened();
    this.#post.tellAll({ from: this.#post.own, again: true });
  }

  closed(): void {
    this.#owner.closed();
  }

  gone(manager: string): void {
    this.#owner.gone(manager);
    this.#watching.gone(manager);
  }

  renamed(): void {
    this.#owner.members.renamed();
  }

  beat(): void {
    this.#owner.beat();
    this.#watching.beat();
  }

  close(): void {
    this.#owner.close();
    this.#watching.close();
  }
}
