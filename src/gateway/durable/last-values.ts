import { messageCostBytes, textCostBytes } from "../../costs.ts";
import { positionText } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import type { Message } from "../../message.ts";
import { isPattern } from "../../topics/pattern.ts";
import { TopicTrie } from "../../topics/topic-trie.ts";
import { SharedFrames } from "./shared-frames.ts";

/** What a value takes besides its message, in bytes: its object, and its place in a map. */
const overheadBytes = 256;
/** Patterns whose topics are remembered until another topic comes. */
const patternsMax = 64;

/** The newest message of a topic. */
export interface LastValue {
  readonly offset: number;
  readonly index: number;
  readonly message: Message;
  readonly position: string;
  readonly costBytes: number;
}

/**
 * The newest message of each topic, as far as they find room. A topic that has none here has none at all, or there was no room
 * for all: see `isWhole`.
 */
export class LastValues {
  readonly #bytesMax: number;
  /** The topic that was written to longest ago comes first. */
  readonly #values = new Map<string, LastValue>();
  #bytes = 0;
  #isWhole = true;
  /** By pattern; forgotten when a topic is new. */
  readonly #topicsOf = new Map<string, readonly string[]>();
  /** For those that ask in the same turn of the event loop. */
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
    const { offset, exchange, messages } = record;
    for (const [index, message] of messages.entries()) {
      if (record.isRepeat(index) || (exchange === "towsmanager" && message.clientId !== undefined)) continue;
      this.#put(message, offset, index, messages.length);
    }
  }

  of(topic: string): LastValue | undefined {
    return this.#values.get(topic);
  }

  /** Those of the topics that match, oldest first. */
  matching(pattern: string): readonly LastValue[] {
    if (!isPattern(pattern)) {
      const value = this.#values.get(pattern);
      return value === undefined ? [] : [value];
    }
    const values = this.#topicsMatching(pattern).map((topic) => this.#values.get(topic)!);
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
    this.#topicsOf.clear();
    this.#bytes = 0;
    this.#isWhole = false;
  }

  close(): void {
    clearImmediate(this.#forgetting);
    this.#frames.clear();
  }

  #put(message: Message, offset: number, index: number, count: number): void {
    const { topic } = message;
    const known = this.#values.get(topic);
    if (known !== undefined) {
      if (known.offset > offset || (known.offset === offset && known.index >= index)) return;
      this.#bytes -= known.costBytes;
      this.#values.delete(topic);
    } else this.#topicsOf.clear();
    const position = positionText(offset, index, count);
    const costBytes =
      overheadBytes + messageCostBytes(message) + textCostBytes(message.id) + textCostBytes(position);
    this.#values.set(topic, { offset, index, message: withBodyOfItsOwn(message), position, costBytes });
    this.#bytes += costBytes;
    for (const [oldest, value] of this.#values) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#values.delete(oldest);
      this.#bytes -= value.costBytes;
      this.#isWhole = false;
      this.#topicsOf.clear();
    }
  }

  #topicsMatching(pattern: string): readonly string[] {
    let topics = this.#topicsOf.get(pattern);
    if (topics !== undefined) return topics;
    const trie = new TopicTrie<true>();
    trie.add(pattern, true);
    topics = [...this.#values.keys()].filter((topic) => trie.match(topic).length > 0);
    if (this.#topicsOf.size >= patternsMax) this.#topicsOf.clear();
    this.#topicsOf.set(pattern, topics);
    return topics;
  }
}

/** A part of a pack would keep all of it. */
function withBodyOfItsOwn(message: Message): Message {
  const { body } = message;
  return typeof body === "string" ? message : { ...message, body: Buffer.from(body) };
}
