import type { Channel, ChannelModel } from "amqplib";
import { workOn } from "../broker/rabbitmq/connection/connect-once.ts";
import { FatalError } from "../errors.ts";
import type { Filter } from "./filter.ts";
import { matches } from "./filter.ts";
import { letterOf } from "./letter.ts";
import { jsonOf } from "./print.ts";
import { Replay } from "./replay.ts";
import { Replaying } from "./replaying.ts";
import { walk } from "./walk.ts";

/** Selects dead letters. */
export type Which = Pick<Filter, "group" | "reason" | "ids">;

/** How many requests may wait for those before them. */
const waitingMax = 8;

/** Dead letters, for the control API. Two walks at once would each see only a part of the queue, so they run one after another. */
export class DeadLetterDesk {
  readonly #connect: () => Promise<ChannelModel>;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @param connect opens a connection for one walk */
  constructor(connect: () => Promise<ChannelModel>) {
    this.#connect = connect;
  }

  /** @throws FatalError with one line, if RabbitMQ cannot be asked */
  list(which: Which, countMax: number, bodyBytesMax: number) {
    return this.#walking(async (channel) => {
      const letters: string[] = [];
      const nowMs = Date.now();
      const filter = { ...which, olderThanMs: undefined, newerThanMs: undefined };
      const { of: total } = await walk(
        channel,
        (message) => {
          const letter = letterOf(message);
          if (letters.length < countMax && matches(filter, letter, nowMs))
            letters.push(jsonOf(letter, bodyBytesMax));
          return "stays";
        },
        undefined,
        () => letters.length >= countMax,
      );
      return { letters: letters as readonly string[], total };
    });
  }

  /** @throws FatalError with one line, if RabbitMQ cannot be asked */
  replay(which: Which) {
    return this.#walking(async (channel, connection) => {
      const replay = await Replay.open(connection);
      const filter = { ...which, olderThanMs: undefined, newerThanMs: undefined };
      const replaying = new Replaying(replay, filter, Date.now());
      await walk(channel, (message, walked) => replaying.fateOf(message, walked));
      await replay.close();
      const { count: replayed, unknown, stranded } = replaying;
      return { replayed, stayed: [...stranded.values()].reduce((sum, count) => sum + count, unknown) };
    });
  }

  async #walking<Result>(
    work: (channel: Channel, connection: ChannelModel) => Promise<Result>,
  ): Promise<Result> {
    if (this.#waiting >= waitingMax)
      throw new FatalError("others are looking at the dead letters: ask again in a moment");
    this.#waiting++;
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await before;
      return await this.#walk(work);
    } finally {
      this.#waiting--;
      resolve();
    }
  }

  async #walk<Result>(
    work: (channel: Channel, connection: ChannelModel) => Promise<Result>,
  ): Promise<Result> {
    const connection = await this.#connect();
    const onChannel = async () => {
      const channel = await connection.createChannel();
      channel.on("error", () => undefined);
      return await work(channel, connection);
    };
    return await workOn(connection, onChannel, "there is no queue wsmanager.dead in this RabbitMQ yet");
  }
}
