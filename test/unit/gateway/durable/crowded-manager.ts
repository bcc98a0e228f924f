import { fingerprintOf } from "../../../../src/envelope/fingerprint.ts";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import type { SeededRandom } from "../../../support/seeded-random.ts";
import type { Asked } from "./crowded-book.ts";
import type { CrowdedLog } from "./crowded-log.ts";
import { recordOf } from "./scripted-log.ts";
import type { SlowClient } from "./slow-client.ts";

/** A client with all of its subscriptions, connected to a manager. */
export interface Connection {
  readonly client: SlowClient;
  readonly manager: CrowdedManager;
  readonly subscriptions: readonly { readonly asked: Asked; readonly durable: DurableSubscription }[];
}

/** A manager that follows the log at its own pace. It has as much of it in memory, and as much room for each client, as chance has it. */
export class CrowdedManager {
  readonly durables: Durables;
  readonly connections = new Set<Connection>();
  readonly #log: CrowdedLog;
  /** Who waits for the marks that it has written, by their offsets. */
  readonly #marks = new Map<number, (offset: number, fingerprint: string) => void>();
  /** How many of the log's entries it has read. */
  #read: number;

  constructor(log: CrowdedLog, random: SeededRandom) {
    this.#log = log;
    const relay = new Relay();
    relay.publishThrough({
      publish: (key, frame) => {
        for (const { client } of this.connections) if (client.keys.has(key)) client.publish(frame as string);
      },
    });
    const shared = {
      read: log.read.bind(log),
      mark: (then: (offset: number, fingerprint: string) => void) => {
        this.#marks.set(log.mark(), then);
        return () => {
          for (const [offset, each] of this.#marks) if (each === then) this.#marks.delete(offset);
        };
      },
      recordBytesMax: 1024 ** 2,
      repeats: log.repeats,
      isPastKnown: () => true,
    };
    this.durables = new Durables(
      shared,
      relay,
      random.of([1, 3_000, 20_000, 200_000, 1e9]),
      { firstMs: 1, mostMs: 2 },
      { room: 100 + random.below(2900), sent: () => undefined },
      undefined,
      new LoopTime(jumpingClock(random)),
      random.of([undefined, 1, 5, 40]),
    );
    this.#read = log.entries.length;
    log.mark();
    this.follow(1);
  }

  /** The offset up to which it has read the log. */
  get lastOffset(): number {
    return this.#log.entries[this.#read - 1]?.offset ?? -1;
  }

  /** Whether all of its subscriptions have all that there is. */
  get isDone(): boolean {
    let count = 0;
    for (const { subscriptions } of this.connections) count += subscriptions.length;
    const { counts, end } = this.durables;
    return this.#read === this.#log.entries.length && counts.atEnd === count && !end.isLate;
  }

  /** Reads so many more of the log's entries. It may find that some are missing. */
  follow(count: number): void {
    const { entries, repeats, keptFrom } = this.#log;
    if ((entries[this.#read]?.offset ?? keptFrom) < keptFrom) {
      this.#read = entries.findIndex(({ offset }) => offset >= keptFrom);
      this.#missed("dropped");
    }
    for (const entry of entries.slice(this.#read, this.#read + count)) {
      this.#read++;
      if (this.#log.isMark(entry)) this.#marked(entry.offset, fingerprintOf(entry.envelope));
      else {
        const record = recordOf(entry);
        repeats.tell(record);
        this.durables.logged(record);
      }
    }
  }

  /** The log has begun anew. */
  beginAnew(): void {
    this.#read = 0;
    this.#missed("another log");
  }

  /** Marks that it has not read are written again. */
  #missed(why: "dropped" | "another log"): void {
    const waiting = [...this.#marks.values()];
    this.#marks.clear();
    this.durables.missed(why);
    for (const then of waiting) this.#marks.set(this.#log.mark(), then);
  }

  /** A manager hears only of its own marks. The first one is that with which it started. */
  #marked(offset: number, fingerprint: string): void {
    const then = this.#marks.get(offset);
    this.#marks.delete(offset);
    if (then !== undefined) then(offset, fingerprint);
    else if (this.durables.window.coversFrom === undefined) this.durables.marked(offset, fingerprint);
  }
}

/** The clock of a process that the machine halts at any moment, more or less often, or never. */
function jumpingClock(random: SeededRandom): () => number {
  const looksBetween = random.of([Number.POSITIVE_INFINITY, 300, 20, 4]);
  let nowMs = 0;
  return () => {
    if (random.isOnceIn(looksBetween)) nowMs += random.of([1, 3, 20]);
    return nowMs;
  };
}
