import { type EventsLink, eventKeys, isForLogAlone, type Voice } from "../broker/events.ts";

/** What is published over the link that there is, until the broker has confirmed it. */
export class Outgoing {
  #link: EventsLink | undefined;
  #published = 0;
  /** The broker has confirmed all up to this one. */
  #confirmed = 0;
  /** Confirmed before others that were published before. */
  readonly #early = new Set<number>();
  /** Those of them that are for the log alone, oldest first. */
  readonly #ofLog = new Set<number>();
  #onConfirmed: { readonly tag: number; readonly then: () => void }[] = [];

  /** The present link; undefined while there is none. */
  get link(): EventsLink | undefined {
    return this.#link;
  }

  /** What was published, and is not confirmed: a number of messages. */
  get unconfirmed(): number {
    return this.#published - this.#confirmed;
  }

  opened(link: EventsLink): void {
    this.#link = link;
    this.#published = 0;
    this.#confirmed = 0;
    this.#early.clear();
    this.#ofLog.clear();
  }

  closed(): void {
    this.#link = undefined;
    this.#published = 0;
    this.#confirmed = 0;
    // Those that wait find that there is another link by then.
    for (const { then } of this.#onConfirmed.splice(0)) then();
  }

  confirmed(tag: number, multiple: boolean): void {
    if (multiple) this.#confirmed = Math.max(this.#confirmed, tag);
    else this.#early.add(tag);
    while (this.#early.delete(this.#confirmed + 1)) this.#confirmed++;
    for (const ofLog of this.#ofLog) {
      if (ofLog > this.#confirmed) break;
      this.#ofLog.delete(ofLog);
    }
    while (this.#onConfirmed.length > 0 && this.#onConfirmed[0]!.tag <= this.#confirmed)
      this.#onConfirmed.shift()!.then();
  }

  /**
   * The broker refuses this one; with `multiple`, all up to it. A queue of a program that is full may refuse what the log has taken.
   *
   * @returns whether the log has refused something
   */
  refused(tag: number, multiple: boolean): boolean {
    const [oldest = Number.POSITIVE_INFINITY] = this.#ofLog;
    const isOfLog = multiple ? oldest <= tag : this.#ofLog.has(tag);
    this.confirmed(tag, multiple);
    return isOfLog;
  }

  /** It is lost where there is no link. */
  publish(key: string, body: string, voice?: Voice): void {
    if (this.#link === undefined) return;
    this.#published++;
    if (isForLogAlone(key)) this.#ofLog.add(this.#published);
    this.#link.publish(key, body, voice);
  }

  /** Tells that a source is at its end, and all its connections with it. */
  ended(source: string, voice?: Voice): void {
    this.publish(eventKeys.ended, JSON.stringify({ ended: source }), voice);
  }

  /** Publishes a mark for `EventsLink.read`. */
  mark(): string {
    const body = JSON.stringify({ mark: crypto.randomUUID() });
    this.publish(eventKeys.mark, body);
    return body;
  }

  /** Asks by an event of a client whether a program listens. */
  probe(key: string, body: string): void {
    if (this.#link === undefined) return;
    this.#published++;
    this.#link.probe(key, body);
  }

  /** Calls `then` when all that was published is confirmed, or the link is lost. */
  whenConfirmed(then: () => void): void {
    if (this.unconfirmed <= 0) then();
    else this.#onConfirmed.push({ tag: this.#published, then });
  }

  /** Resolves when all that was published is confirmed, or the link is lost. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.whenConfirmed(resolve));
  }
}
