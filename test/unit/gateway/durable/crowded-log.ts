import { seal } from "../../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../../src/envelope/packing.ts";
import { direct } from "../../../../src/gateway/fan-out/encoding.ts";
import { KnownRepeats } from "../../../../src/log/known-repeats.ts";
import type { OutgoingMessage } from "../../../../src/message.ts";
import type { SeededRandom } from "../../../support/seeded-random.ts";
import { type Entry, recordOf, ScriptedLog } from "./scripted-log.ts";

const topics = ["a", "b", "c.d", "c.e"];
export const patterns = ["a", "b", "c.*", "#", "c.d", direct] as const;
export const clientIds = ["c0", "c1"];

/** More than a reading may have waiting: forty-five records of this many characters. */
const largeSize = 600_000;
const largeCount = 45;
/** Fewer than a hundred of these are as much as a reading that is near to memory has to read. */
const ballastSize = 70_000;

/** More than there are records in a life of the log. */
const lifeLength = 1e6;

/** A message in the log that repeats none. */
export interface Said {
  /** Counted through all lives of the log. */
  readonly offset: number;
  readonly index: number;
  readonly text: string;
  readonly topic: string;
  /** Who alone is to get it. */
  readonly recipient: string | undefined;
  /** Nobody gets it, but it counts among the newest ones. */
  readonly isExpired: boolean;
}

/** A log of packs with something of each kind, and a book of what is in it. */
export class CrowdedLog extends ScriptedLog {
  readonly repeats = new KnownRepeats();
  readonly #said: Said[] = [];
  readonly #random: SeededRandom;
  /** The offsets of what is not a mark. */
  readonly #records = new Set<number>();
  /** Whether there is so much of it that readings wait for one another, and merge. Then its newer records are large, too. */
  readonly isLong: boolean;
  /** The part of the messages whose topics are wanted. */
  readonly #wantedShare: number;
  #texts = 0;
  #life = 0;

  constructor(random: SeededRandom) {
    const before = random.of([0, 3, 20]);
    super(random.below(5), { before, atOnce: random.of([1, 7, Number.POSITIVE_INFINITY]) });
    this.#random = random;
    this.isLong = random.isOnceIn(6);
    this.#wantedShare = random.of([0.1, 0.5, 1]);
    this.repeats.reachesBackTo(0);
  }

  /** The offset from which on it is kept, counted through all of its lives. */
  get keptFromOfAll(): number {
    return this.ofAll(this.keptFrom);
  }

  /** An offset of this life, counted through all lives. */
  ofAll(offset: number): number {
    return this.#life * lifeLength + offset;
  }

  override beginAnew(): void {
    super.beginAnew();
    this.#life++;
    this.#records.clear();
    this.repeats.restart();
    this.repeats.reachesBackTo(0);
  }

  isMark({ offset }: Entry): boolean {
    return !this.#records.has(offset);
  }

  /** Adds records with something of each kind. */
  sayFirst(): void {
    const count = this.isLong ? 200 + this.#random.below(300) : this.#random.below(10);
    for (let left = count; left > 0; left--) this.say(this.isLong ? 2 : 300, 0);
  }

  /**
   * Adds a record with something of each kind.
   *
   * @param most how many messages it has at most
   * @param ballast the size of one more, which has expired
   */
  say(most = 300, ballast = this.isLong ? ballastSize : 0): void {
    const random = this.#random;
    const count = 1 + random.below(random.isOnceIn(5) ? most : Math.min(most, 4));
    const isToClients = random.isOnceIn(3);
    const repeated = new Set<number>();
    const messages: OutgoingMessage[] = [];
    for (let index = 0; index < count; index++) {
      const topic = random.next() < this.#wantedShare ? random.of(topics) : "nobody";
      const recipient = isToClients && random.isOnceIn(4) ? random.of(clientIds) : undefined;
      const isExpired = random.isOnceIn(10);
      const text = `${this.#texts++}`;
      if (random.isOnceIn(10)) repeated.add(index);
      else this.#said.push({ offset: this.ofAll(this.nextOffset), index, text, topic, recipient, isExpired });
      messages.push({
        body: text.padEnd(random.isOnceIn(60) ? 4000 : random.below(60), "."),
        topic,
        clientId: recipient,
        headers: isExpired ? { expiration: "1" } : undefined,
      });
    }
    if (ballast > 0) {
      const at = { offset: this.ofAll(this.nextOffset), index: count };
      this.#said.push({ ...at, text: "ballast", topic: "ballast", recipient: undefined, isExpired: true });
      messages.push({ body: ".".repeat(ballast), topic: "ballast", headers: { expiration: "1" } });
    }
    if (repeated.size > 0) this.repeats.add(this.nextOffset, repeated);
    this.#put(isToClients, messages);
  }

  /** Adds records that are too large for a reading to have all of them waiting. */
  sayMuch(): void {
    for (let count = largeCount; count > 0; count--) this.#sayOne("b", undefined, largeSize);
  }

  /** Adds a message that each subscription wants, be it to tell of a gap with. */
  sayToAll(): void {
    for (const topic of topics) this.#sayOne(topic, undefined, 0);
    for (const clientId of clientIds) this.#sayOne("to one", clientId, 0);
  }

  #sayOne(topic: string, recipient: string | undefined, size: number): void {
    const text = `${this.#texts++}`;
    const offset = this.ofAll(this.nextOffset);
    this.#said.push({ offset, index: 0, text, topic, recipient, isExpired: false });
    this.#put(recipient !== undefined, [{ body: text.padEnd(size, "."), topic, clientId: recipient }]);
  }

  #put(isToClients: boolean, messages: readonly OutgoingMessage[]): void {
    const one = seal(messages[0]!, `m-${this.#texts}`, "app", this.nextOffset);
    const packed = {
      routingKey: "",
      clientId: undefined,
      headers: undefined,
      contentType: packedContentType,
    };
    const envelope = messages.length === 1 ? one : { ...one, ...packed, body: pack(messages) };
    this.#records.add(this.nextOffset);
    this.put(isToClients ? "towsmanager" : "wsmanager", envelope);
  }

  /** The position of something somewhere, as clients see it; undefined if there is nothing. */
  somewhere(): string | undefined {
    const random = this.#random;
    const records = this.entries.filter((entry) => !this.isMark(entry));
    if (records.length === 0) return undefined;
    const record = recordOf(random.of(records));
    return random.isOnceIn(4) ? record.endPosition : record.positionOf(random.below(record.heads.length));
  }

  /** What a client's subscription matches, with what has expired. */
  matching(clientId: string, pattern: (typeof patterns)[number]): Said[] {
    return this.#said.filter(({ topic, recipient }) => {
      if (pattern === direct || recipient !== undefined) return pattern === direct && recipient === clientId;
      return pattern === "#" || pattern === topic || (pattern === "c.*" && topic.startsWith("c."));
    });
  }
}
