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
  /** The message's index in its record. */
  readonly index: number;
  readonly message: Message;
  /** Its position, as clients see it. */
  readonly position: string;
  /** What it takes in memory, in bytes. */
  readonly costBytes: number;
}

/**
 * The newest message of each topic, as far as there is room. If a topic is missing here, it has no message, or there was no room: see
 * `isWhole`.
 */
export class LastValues {
  readonly #bytesMax: number;
  /** In the order in which the topics were last written to, the oldest first. */
  readonly #values = new OldestFirst<LastValue>();
  #bytes = 0;
  #isWhole = true;
  /** Is told of topics that are written to while it runs. */
  #search: TopicSearch | undefined;
  /** Frames that are shared by subscriptions that ask in the same turn of the event loop. */
  readonly #frames = new Map<LastValue, SharedFrames>();
  #forgetting: NodeJS.Immediate | undefined;

  /** @param bytesMax what the values may take together; beyond it, the topics that were written to longest ago are forgotten */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether no value had to be forgotten. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Takes the messages of a record, except for those that are addressed to one client. */
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

  /** Starts a search for the topics that patterns match, which lasts until `searched` is called. There is one search at a time. */
  search(patterns: Iterable<string>): TopicSearch {
    this.#search = new TopicSearch(patterns, this.#values.keys(), lastTopicsMax);
    return this.#search;
  }

  searched(): void {
    this.#search = undefined;
  }

  /** The values of these topics, oldest first; undefined if there are more than one subscription may get. */
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

  /** Forgets everything, because there is no room for all. */
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

/** Copies the body: a part of a pack would keep the whole pack in memory. */
function withBodyOfItsOwn(message: Message): Message {
  const { body } = message;
  return typeof body === "string" ? message : { ...message, body: Buffer.from(body) };
}
