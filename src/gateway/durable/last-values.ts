import { OldestFirst } from "../../collections/oldest-first.ts";
import { messageCostBytes, textCostBytes } from "../../costs.ts";
import type { LogRecord } from "../../log/record.ts";
import type { Message } from "../../message.ts";
import { lastTopicsMax } from "./newest.ts";
import { SharedFrames } from "./shared-frames.ts";
import { TopicSearch } from "./topic-search.ts";

/** What a value takes besides its message, in bytes: its object, and its places in a map and in an order. */
const overheadBytes = 320;

/** The newest message of a topic. */
export interface LastValue {
  /** Its record's offset. */
  readonly offset: number;
  /** Which message of the record it is. */
  readonly index: number;
  readonly message: Message;
  /** What its place is called towards clients. */
  readonly position: string;
  /** What it takes in memory, in bytes. */
  readonly costBytes: number;
}

/**
 * The newest message of each topic, as far as they find room. A topic that has none here has none at all, or there was no room
 * for all: see `isWhole`.
 */
export class LastValues {
  readonly #bytesMax: number;
  /** The oldest is the topic that was written to longest ago. */
  readonly #values = new OldestFirst<string, LastValue>();
  #bytes = 0;
  #isWhole = true;
  /** Is told of what is written to meanwhile. */
  #search: TopicSearch | undefined;
  /** Frames that subscriptions share which ask in the same turn of the event loop. */
  readonly #frames = new Map<LastValue, SharedFrames>();
  #forgetting: NodeJS.Immediate | undefined;

  /** @param bytesMax what they may take together; beyond it, those that were written longest ago are forgotten */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether none had to be forgotten. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** What is for one client alone is no topic's. */
  put(record: LogRecord): void {
    const { offset, messages } = record;
    for (const [index, message] of messages.entries()) {
      if (record.isRepeat(index) || record.recipientOf(message) !== undefined) continue;
      this.#put(message, offset, index, record);
    }
  }

  of(topic: string): LastValue | undefined {
    return this.#values.get(topic);
  }

  /** Begins to look for the topics that patterns match, until `searched` is called. There is one search at a time. */
  search(patterns: Iterable<string>): TopicSearch {
    this.#search = new TopicSearch(patterns, this.#values.keys(), this.#values.size, lastTopicsMax);
    return this.#search;
  }

  searched(): void {
    this.#search = undefined;
  }

  /** Those of these topics, oldest first; undefined if there are more than one subscription may have. */
  inOrder(topics: ReadonlySet<string>): readonly LastValue[] | undefined {
    if (topics.size > lastTopicsMax) return undefined;
    const values: LastValue[] = [];
    for (const topic of topics) {
      const value = this.#values.get(topic);
      if (value !== undefined) values.push(value);
    }
    return values.sort((one, other) => one.offset - other.offset || one.index - other.index);
  }

  framesOf(value: LastValue): SharedFrames {
    let frames = this.#frames.get(value);
    if (frames === undefined) {
      frames = new SharedFrames(value.message, value.position);
      this.#frames.set(value, frames);
      this.#forgetting ??= setImmediate(() => {
        this.#forgetting = undefined;
        this.#frames.clear();
      });
    }
    return frames;
  }

  clear(): void {
    this.forgetAll();
    this.#isWhole = true;
  }

  /** There was no room for all. */
  forgetAll(): void {
    this.#values.clear();
    this.#bytes = 0;
    this.#isWhole = false;
  }

  close(): void {
    clearImmediate(this.#forgetting);
    this.#frames.clear();
  }

  #put(message: Message, offset: number, index: number, record: LogRecord): void {
    const { topic } = message;
    const known = this.#values.get(topic);
    if (known !== undefined) {
      if (known.offset > offset || (known.offset === offset && known.index >= index)) return;
      this.#bytes -= known.costBytes;
    }
    this.#search?.saw(topic);
    const position = record.positionOf(index);
    const costBytes =
      overheadBytes + messageCostBytes(message) + textCostBytes(message.id) + textCostBytes(position);
    this.#values.set(topic, { offset, index, message: withBodyOfItsOwn(message), position, costBytes });
    this.#bytes += costBytes;
    while (this.#bytes > this.#bytesMax) {
      const { key, value } = this.#values.oldest!;
      this.#values.delete(key);
      this.#bytes -= value.costBytes;
      this.#isWhole = false;
    }
  }
}

/** A part of a pack would keep all of it. */
function withBodyOfItsOwn(message: Message): Message {
  const { body } = message;
  return typeof body === "string" ? message : { ...message, body: Buffer.from(body) };
}
