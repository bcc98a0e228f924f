import { type Epoch, type EventsLink, eventKeys, isForLogAlone } from "../broker/events.ts";

/** Messages that were published over the current link, until the broker has confirmed them. */
export class Outgoing {
  #link: EventsLink | undefined;
  #published = 0;
  /** Everything up to this tag is confirmed. */
  #confirmed = 0;
  /** Tags that were confirmed before earlier ones. */
  readonly #early = new Set<number>();
  /** The tags of messages for the log only, the oldest first. */
  readonly #ofLog = new Set<number>();
  #onConfirmed: { readonly tag: number; readonly then: () => void }[] = [];

  /** The current link; undefined if there is none. */
  get link(): EventsLink | undefined {
    return this.#link;
  }

  /** How many messages are published and not confirmed. */
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
    // The callbacks find out that there is another link.
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
   * The broker has refused this tag; with `multiple`, all up to it. A full queue of a program may refuse what the log has taken.
   *
   * @returns whether the log has refused something
   */
  refused(tag: number, multiple: boolean): boolean {
    const [oldest = Number.POSITIVE_INFINITY] = this.#ofLog;
    const isOfLog = multiple ? oldest <= tag : this.#ofLog.has(tag);
    this.confirmed(tag, multiple);
    return isOfLog;
  }

  /** Publishes a message. It is lost if there is no link. */
  publish(key: string, body: string, epoch?: Epoch): void {
    if (this.#link === undefined) return;
    this.#published++;
    if (isForLogAlone(key)) this.#ofLog.add(this.#published);
    this.#link.publish(key, body, epoch);
  }

  /** Publishes that a source has ended, and with it all its connections. */
  ended(source: string, epoch?: Epoch): void {
    this.publish(eventKeys.ended, JSON.stringify({ ended: source }), epoch);
  }

  /** Publishes a mark for `EventsLink.read`. */
  mark(): string {
    const body = JSON.stringify({ mark: crypto.randomUUID() });
    this.publish(eventKeys.mark, body);
    return body;
  }

  /** Publishes an event of a client to find out whether a program listens. */
  probe(key: string, body: string): void {
    if (this.#link === undefined) return;
    this.#published++;
    this.#link.probe(key, body);
  }

  /** Calls `then` when everything published is confirmed, or the link is lost. */
  whenConfirmed(then: () => void): void {
    if (this.unconfirmed <= 0) then();
    else this.#onConfirmed.push({ tag: this.#published, then });
  }

  /** Resolves when everything published is confirmed, or the link is lost. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.whenConfirmed(resolve));
  }
}
