import type { Attendance, Attendee } from "../events/attendance.ts";
import type { Companion } from "../events/companion.ts";
import { Owner } from "./owner.ts";
import type { Post } from "./post.ts";
import { type News, saidIn } from "./said.ts";
import { defaultPresenceTiming, type PresenceTiming } from "./timing.ts";
import type { TopicWatcher, WatchedTopic } from "./watched-topic.ts";
import { Watching } from "./watching.ts";

/**
 * Who is on a topic, on all managers. Nobody keeps that: a manager whose client watches a topic asks all others for their members of it,
 * and is told of changes from then on, until nobody watches it any more. What one manager says to another is numbered, so that what
 * was lost is noticed and said again as a whole.
 */
export class Presence implements Companion {
  readonly #post: Post;
  readonly #owner: Owner;
  readonly #watching: Watching;

  /** @param nameOf the id of a client that has none */
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

  /** Topics that this manager's clients watch; that somebody watches on any manager; and what the members take, in bytes. */
  get figures(): { readonly watched: number; readonly told: number; readonly bytes: number } {
    return {
      watched: this.#watching.topicCount,
      told: this.#owner.topicCount,
      bytes: this.#watching.bytes,
    };
  }

  /** @returns why it cannot be watched, in words for a client */
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

  /** The client has gone. Called before it has forgotten its subscriptions. */
  disconnected(client: Attendee): void {
    this.#owner.members.disconnected(client);
  }

  heard(presence: unknown): void {
    const said = saidIn(presence);
    // What a manager tells all comes back to itself, too; and one that is gone may have had something on its way. One that is not known
    // yet is heard with its next beat.
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
