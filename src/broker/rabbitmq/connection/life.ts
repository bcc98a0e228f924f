import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import type { FrameReader } from "../frames/frame-reader.ts";
import { type Drop, watch } from "./watch.ts";

/** The connection is as good as any: what was begun over it has to be begun anew, which need not wait. */
export class BeginAnew extends Error {
  override readonly name = "BeginAnew";
}

/** One life of a connection to RabbitMQ, from its opening to its loss. */
export class Life {
  readonly connection: ChannelModel;
  /** Reads what RabbitMQ sends over it. */
  readonly reader: FrameReader;
  /** Gives the connection up. */
  readonly drop: Drop;
  readonly #ends: (() => void)[] = [];
  #isOver = false;

  constructor(connection: ChannelModel, reader: FrameReader, drop: Drop) {
    this.connection = connection;
    this.reader = reader;
    this.drop = drop;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Ends what was opened, once, when the connection is lost or closed: the first one first.
   *
   * @throws Error if that has happened already, after it has called `end`
   */
  onLoss(end: () => void): void {
    if (!this.#isOver) {
      this.#ends.push(end);
      return;
    }
    end();
    throw new Error("the connection was lost while it was set up");
  }

  /** A channel whose end, for whatever reason, ends the connection. */
  async channel(): Promise<Channel> {
    const channel = await this.connection.createChannel();
    watch(channel, this.drop);
    return channel;
  }

  /** A channel with confirms, whose end, for whatever reason, ends the connection. */
  async confirmChannel(): Promise<ConfirmChannel> {
    const channel = await this.connection.createConfirmChannel();
    watch(channel, this.drop);
    return channel;
  }

  /** The connection is lost, or about to be closed. */
  end(): void {
    this.#isOver = true;
    for (const end of this.#ends.splice(0)) end();
  }
}
