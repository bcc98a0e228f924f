import type { ChannelModel } from "amqplib";
import { codeOf, reasonOf } from "../../../errors.ts";
import type { Logger } from "../../../ops/logger.ts";
import type { Life } from "../connection/life.ts";
import { lossOf } from "../connection/watch.ts";
import { exchangeWitnessOf, slotQueue, witnessOf } from "../connection/witness-name.ts";
import type { Needed } from "../frames/check-frames.ts";
import { closeChannel } from "../frames/innards.ts";
import { openingChannel } from "../frames/opening-channel.ts";
import { boundTo } from "../topology/topology.ts";

/** One of the first so many slots is tried, and one of twice as many after each that another connection has. */
const slotsAtFirst = 8;
const slotsMax = 4096;
/** How many slots are tried before publishing goes on without one. */
const attemptsMax = 20;

/** The options of a witness. RabbitMQ deletes it with its last binding. */
const witnessOptions = { durable: true, autoDelete: true, internal: true } as const;

/** RabbitMQ's codes for a missing right, for something that exists with other settings, and for a queue of another connection. */
const [refused, different, taken] = [403, 406, 405];

/**
 * Gives each connection that publishes the witnesses of the queues that it relies on. By its witness, a queue that was deleted and declared
 * again is told from the one that was there before: both have the same name, and what went with the first has a confirm.
 *
 * A witness is an exchange that RabbitMQ deletes with its last binding, and its only binding is to the queue. So it goes when the queue is
 * deleted, whoever deletes it, and whoever declares the queue again does not bring it back: only the connection that has the slot in its
 * name declares it, once, before it publishes. The slot is an exclusive queue, which no two connections can have. So as long as a check
 * finds the witness, its queue is the one to which everything on this connection was published.
 *
 * An inner exchange has a witness, too, which is bound to it in the same way: an exchange that was declared again lacks the bindings of the
 * one before for a moment.
 *
 * Nothing is published through it, and it outlives its connection, since only the queue's deletion deletes it. The next connection with
 * that slot takes it over. So there are no more witnesses of a queue than slots that were ever in use at once, or a few times as many.
 */
export class Witnesses {
  readonly #logger: Logger;
  readonly #random: () => number;
  /** The slot of the last connection. */
  #slot: number;
  #isTold = false;

  /** @param random a number from 0 to 1, exclusive */
  constructor(logger: Logger, random: () => number = Math.random) {
    this.#logger = logger;
    this.#random = random;
    this.#slot = this.#anyOf(slotsAtFirst);
  }

  /**
   * Takes a slot for this connection, on which nothing was published yet, and declares the witnesses of these queues and inner exchanges.
   *
   * @throws Error if one of them does not exist, or the connection is lost
   */
  async open(life: Life, queues: readonly string[], inner: readonly string[]): Promise<ConnectionWitnesses> {
    let slots = slotsAtFirst;
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      try {
        await declareWitnesses(life.connection, queues, this.#slot, inner);
        return new ConnectionWitnesses(life, this.#slot, queues, inner, (error) => this.#tell(error));
      } catch (error) {
        if (isRefusal(error)) return this.#none(life, queues, error);
        if (codeOf(error) !== taken) throw inWords(error);
        this.#slot = this.#anyOf(slots);
        slots = Math.min(slotsMax, 2 * slots);
      }
    }
    return this.#none(life, queues, new Error("all slots that were tried belong to other connections"));
  }

  /** Publishing goes on, and a queue that is declared again is noticed as long as a check finds it missing. */
  #none(life: Life, queues: readonly string[], error: unknown): ConnectionWitnesses {
    this.#tell(error);
    return new ConnectionWitnesses(life, undefined, queues, [], () => undefined);
  }

  #tell(error: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#logger.warn("a queue that is deleted and declared again at once is not noticed", {
      reason: reasonOf(error),
      mend: "grant the RabbitMQ user configure, write and read on ^(wsmanager|towsmanager)(\\..*)?$",
    });
  }

  #anyOf(slots: number): number {
    return 1 + Math.floor(this.#random() * slots);
  }
}

/** The witnesses of one connection. Each is declared once: a second time might be after its queue was deleted and declared again. */
export class ConnectionWitnesses {
  readonly #life: Life;
  readonly #slot: number | undefined;
  readonly #inner: readonly string[];
  readonly #onRefused: (error: unknown) => void;
  /** The queues whose witnesses were asked for. */
  readonly #begun: Set<string>;
  /** The queues whose witnesses are there. */
  readonly #witnessed: Set<string>;
  readonly #known = new WeakMap<Needed, { readonly count: number; readonly needed: Needed }>();

  /**
   * @param slot undefined: there are no witnesses on this connection
   * @param queues the queues that have witnesses
   * @param inner the exchanges that have witnesses
   */
  constructor(
    life: Life,
    slot: number | undefined,
    queues: readonly string[],
    inner: readonly string[],
    onRefused: (error: unknown) => void,
  ) {
    this.#life = life;
    this.#slot = slot;
    this.#inner = inner;
    this.#onRefused = onRefused;
    this.#begun = new Set(queues);
    this.#witnessed = new Set(slot === undefined ? [] : queues);
  }

  /**
   * Adds the witnesses of the queues and inner exchanges to what has to exist: the same object as long as nothing changes. Of queues that are new, such as that
   * of a group that a manager has just heard of, the witnesses are declared now, and added later.
   */
  with(needed: Needed): Needed {
    const slot = this.#slot;
    if (slot === undefined) return needed;
    const fresh = needed.queues.filter((queue) => !this.#begun.has(queue));
    if (fresh.length > 0) void this.#declare(fresh, slot);
    const count = this.#witnessed.size;
    const known = this.#known.get(needed);
    if (known?.count === count) return known.needed;
    const ofExchanges = this.#inner
      .filter((exchange) => needed.exchanges.includes(exchange))
      .map((exchange) => exchangeWitnessOf(exchange, slot));
    const ofQueues = needed.queues
      .filter((queue) => this.#witnessed.has(queue))
      .map((queue) => witnessOf(queue, slot));
    const all: Needed = {
      queues: needed.queues,
      exchanges: [...needed.exchanges, ...ofExchanges, ...ofQueues],
    };
    this.#known.set(needed, { count, needed: all });
    return all;
  }

  async #declare(queues: readonly string[], slot: number): Promise<void> {
    for (const queue of queues) this.#begun.add(queue);
    try {
      await declareWitnesses(this.#life.connection, queues, slot);
      for (const queue of queues) this.#witnessed.add(queue);
    } catch (error) {
      if (isRefusal(error)) this.#onRefused(error);
      else this.#life.drop(inWords(error));
    }
  }
}

/**
 * Declares the witnesses of queues that exist, and binds these once more, in one round trip.
 *
 * @param inner exchanges that exist, whose witnesses are declared before the queues are bound to them; absent if the slot was taken before
 */
async function declareWitnesses(
  connection: ChannelModel,
  queues: readonly string[],
  slot: number,
  inner?: readonly string[],
): Promise<void> {
  const { channel, opened } = openingChannel(connection);
  // The rejected question reports the same. Without a listener the event would be thrown.
  channel.on("error", () => undefined);
  const answers: Promise<unknown>[] = [opened];
  if (inner !== undefined)
    answers.push(channel.assertQueue(slotQueue(slot), { exclusive: true, durable: false }));
  for (const exchange of inner ?? []) {
    const witness = exchangeWitnessOf(exchange, slot);
    answers.push(
      channel.assertExchange(witness, "fanout", witnessOptions),
      channel.bindExchange(exchange, witness, ""),
    );
  }
  for (const queue of queues) {
    const witness = witnessOf(queue, slot);
    answers.push(
      channel.assertExchange(witness, "fanout", witnessOptions),
      channel.bindQueue(queue, witness, ""),
      // It was bound before. If another process has declared it anew since, that process may not have got so far.
      ...boundTo(queue).map((exchange) => channel.bindQueue(queue, exchange, "")),
    );
  }
  await Promise.allSettled(answers);
  // The first that failed says why. Those after it say only that the channel has ended.
  for (const answer of answers) await answer;
  // Nothing has to wait for that. It fails if the connection ends, which the link is told.
  closeChannel(channel).catch(() => undefined);
}

/** Whether there can be no witnesses here, whatever is tried again. */
function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  return code === refused || code === different;
}

function inWords(error: unknown): Error {
  const why = error instanceof Error ? lossOf(error) : reasonOf(error);
  return typeof why === "string" ? new Error(why) : why;
}
