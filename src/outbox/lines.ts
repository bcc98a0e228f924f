import type { Waiting } from "../envelope/sealing.ts";
import type { Share } from "../envelope/share.ts";
import type { OutboxLimits } from "./limits.ts";
import { Line, type Stream } from "./line.ts";

/** How many bytes of the common line go for each byte of the other lines, as long as the common line is not empty. */
const commonWeight = 7;

/** The line of one sender. */
interface OwnLine {
  readonly line: Line;
  readonly sender: string;
  /** The sender's earlier messages are in the common line: they have been sealed when this many messages of that line have. */
  readonly after: number;
  /** How much it may still send in this turn. A large envelope may take it below zero, at the expense of the next turns. In bytes. */
  creditBytes: number;
}

/**
 * Decides the order in which waiting messages are sent. Most senders have little waiting and share the common line, first in, first out. A
 * sender that has much waiting gets a line of its own, and these lines take turns. So nobody waits for more than a small part of what
 * others have sent, however much that is. The messages of one sender stay in order.
 *
 * While no sender has a line of its own, this is one queue and costs nothing more.
 */
export class Lines {
  readonly #ownLineBytes: number;
  /** How much a sender's line may send before the next line's turn: about a pack. In bytes. */
  readonly #turnBytes: number;
  readonly #common = new Line({ index: 0, count: 0 });
  /** The senders' lines. It is the first one's turn. */
  readonly #own = new Map<string, OwnLine>();
  /** Streams of lines that are gone. New lines continue their numbering. */
  readonly #idle: Stream[] = [];
  #streams = 1;
  #ownCount = 0;
  /** How far the common line is ahead of its due share. Below zero: it is behind. In bytes. */
  #leadBytes = 0;

  constructor({ ownLineBytes, packBytesMax }: Pick<OutboxLimits, "ownLineBytes" | "packBytesMax">) {
    this.#ownLineBytes = ownLineBytes;
    this.#turnBytes = packBytesMax;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#common.length + this.#ownCount;
  }

  /** Returns the message's number. */
  push(waiting: Waiting): number {
    const { share, message } = waiting;
    if (share === undefined) return this.#common.push(waiting);
    const own = message.clientId === undefined ? undefined : this.#ownOf(message.clientId, share);
    share.unsentBytes += waiting.costBytes;
    if (own === undefined) return this.#common.push(waiting);
    this.#ownCount++;
    return own.line.push(waiting);
  }

  /** The line whose turn it is; undefined if nothing waits. */
  next(): Line | undefined {
    if (this.#own.size === 0) return this.#common.length > 0 ? this.#common : undefined;
    const own = this.#nextOwn();
    const isCommon =
      this.#common.length > 0 && (this.#leadBytes <= 0 || this.#common.sealedCount < own.after);
    return isCommon ? this.#common : own.line;
  }

  /** Messages of the line whose turn it was were sealed: how many, and what they cost in bytes. */
  sealed(line: Line, count: number, costBytes: number): void {
    line.sealed(count);
    if (this.#own.size === 0) return;
    if (line === this.#common) {
      this.#leadBytes += costBytes;
      return;
    }
    this.#leadBytes = Math.max(-commonWeight * this.#turnBytes, this.#leadBytes - commonWeight * costBytes);
    this.#ownCount -= count;
    const [own] = this.#own.values() as Iterable<OwnLine> as [OwnLine];
    own.creditBytes -= costBytes;
    if (line.length === 0) this.#close(own);
  }

  /** The sender's own line; undefined while it has too little waiting to get one. */
  #ownOf(sender: string, share: Share): OwnLine | undefined {
    return this.#own.get(sender) ?? (share.unsentBytes < this.#ownLineBytes ? undefined : this.#open(sender));
  }

  #nextOwn(): OwnLine {
    for (;;) {
      const [own] = this.#own.values() as Iterable<OwnLine> as [OwnLine];
      if (own.creditBytes > 0) return own;
      own.creditBytes += this.#turnBytes;
      this.#own.delete(own.sender);
      this.#own.set(own.sender, own);
    }
  }

  #open(sender: string): OwnLine {
    const stream = this.#idle.pop() ?? { index: this.#streams++, count: 0 };
    const after = this.#common.stream.count;
    const own = { line: new Line(stream), sender, after, creditBytes: this.#turnBytes };
    this.#own.set(sender, own);
    return own;
  }

  #close({ sender, line }: OwnLine): void {
    this.#own.delete(sender);
    this.#idle.push(line.stream);
    if (this.#own.size === 0) this.#leadBytes = 0;
  }
}
