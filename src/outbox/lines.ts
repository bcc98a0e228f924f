import type { Waiting } from "../envelope/sealing.ts";
import type { Share } from "../envelope/share.ts";
import type { OutboxLimits } from "./limits.ts";
import { Line, type Stream } from "./line.ts";

/** What goes from everybody's line for each byte from the others, as long as there is something in it. */
const commonWeight = 7;

/** A line that one sender has for itself. */
interface OwnLine {
  readonly line: Line;
  readonly sender: string;
  /** When this many messages of the common line have been sealed, the sender's earlier messages have. */
  readonly after: number;
  /** What it may still send in this turn. Below zero: a large envelope has taken of the next ones. In bytes. */
  creditBytes: number;
}

/**
 * The order in which what waits is sent. Most senders have little waiting, and stand in one line, as they came. A sender that has
 * much stands in a line of its own, and these lines take turns: so nobody waits for more than a small part of what others have
 * sent, however much that is. What one sender has sent stays in order.
 *
 * While nobody has a line of its own this is one queue, and costs nothing more.
 */
export class Lines {
  readonly #ownLineBytes: number;
  /** What a line of its own may send before the next one's turn: a pack, or about as much. In bytes. */
  readonly #turnBytes: number;
  readonly #common = new Line({ index: 0, count: 0 });
  /** Each sender's line. The first has its turn. */
  readonly #own = new Map<string, OwnLine>();
  /** Streams of lines that are no more: their numbers go on in the next ones. */
  readonly #idle: Stream[] = [];
  #streams = 1;
  #ownCount = 0;
  /** What everybody's line has had beyond its due, as against the others. In bytes. */
  #leadBytes = 0;

  constructor({ ownLineBytes, packBytesMax }: Pick<OutboxLimits, "ownLineBytes" | "packBytesMax">) {
    this.#ownLineBytes = ownLineBytes;
    this.#turnBytes = packBytesMax;
  }

  /** Messages that wait. */
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
