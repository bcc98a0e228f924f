import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import { codeOf, reasonOf } from "../../../errors.ts";
import { internalError } from "../frames/amqp-wire.ts";
import type { FrameReader } from "../frames/frame-reader.ts";
import { onSilence } from "../frames/innards.ts";
import { type OpeningChannel, openingChannel } from "../frames/opening-channel.ts";
import { Silence, Silenced } from "./silenced.ts";
import { type Drop, perhapsUnserved, watch } from "./watch.ts";

/** Thrown if there is no fault, but what was begun on the connection has to begin again. That needs no wait. */
export class BeginAnew extends Error {
  override readonly name = "BeginAnew";
}

const lostWhileSetUp = "the connection was lost while it was set up";

/** A connection to RabbitMQ, from its opening to its loss. */
export class Life {
  readonly connection: ChannelModel;
  /** Reads what RabbitMQ sends. */
  readonly reader: FrameReader;
  /** Gives the connection up. */
  readonly drop: Drop;
  /** The queues of which RabbitMQ has yet to say that it serves this connection's consumers. */
  readonly asked = new Set<string>();
  readonly #ends: (() => void)[] = [];
  #isOver = false;
  /** What this connection has to wait for if RabbitMQ falls silent. */
  #silenced: Silenced | undefined;

  constructor(connection: ChannelModel, reader: FrameReader, drop: Drop) {
    this.connection = connection;
    this.reader = reader;
    this.drop = drop;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Calls `end` once, when the connection is lost or closed, in the order of registration.
   *
   * @throws Error if the connection is lost already; `end` was called then
   */
  onLoss(end: () => void): void {
    if (!this.#isOver) {
      this.#ends.push(end);
      return;
    }
    end();
    throw new Error(lostWhileSetUp);
  }

  /**
   * If RabbitMQ falls silent, this connection is closed only when another one is open and RabbitMQ has done what it was sent on this one.
   *
   * @param isDone resolves when it has
   */
  outlastSilence(isDone: () => Promise<void>): void {
    this.#silenced = new Silenced(this.connection, isDone);
    onSilence(this.connection, () => this.drop(new Silence("Heartbeat timeout")));
  }

  /** The connection, if it has to stay open although it was given up with this fault. */
  silencedBy(fault: Error | undefined): Silenced | undefined {
    return fault instanceof Silence ? this.#silenced : undefined;
  }

  /** Why the connection could not be set up, with the queues that RabbitMQ may not serve if it has failed before it served them. */
  explained(fault: Error): Error {
    if (codeOf(fault) !== internalError || this.asked.size === 0) return fault;
    const queues = [...this.asked].join(" or ");
    return Object.assign(new Error(`${perhapsUnserved(queues)} (${reasonOf(fault)})`), {
      code: internalError,
    });
  }

  /** Opens a channel. If it ends, for whatever reason, the connection ends. */
  async channel(): Promise<Channel> {
    const channel = await this.connection.createChannel();
    watch(channel, this.drop);
    return channel;
  }

  /**
   * Opens a channel on which all questions are sent at once. If it ends, for whatever reason, the connection ends.
   *
   * @throws Error if the connection is lost already
   */
  openingChannel(): OpeningChannel {
    if (this.#isOver) throw new Error(lostWhileSetUp);
    const opening = openingChannel(this.connection);
    watch(opening.channel, this.drop);
    return opening;
  }

  /** Opens a channel with confirms. If it ends, for whatever reason, the connection ends. */
  async confirmChannel(): Promise<ConfirmChannel> {
    const channel = await this.connection.createConfirmChannel();
    watch(channel, this.drop);
    return channel;
  }

  /** Called when the connection is lost, or about to be closed. */
  end(): void {
    this.#isOver = true;
    for (const end of this.#ends.splice(0)) end();
  }
}
