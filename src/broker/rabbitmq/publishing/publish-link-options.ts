import type { Publisher } from "../../broker.ts";
import type { Haste } from "../connection/haste.ts";
import type { Drop } from "../connection/watch.ts";
import type { Needed } from "../frames/check-frames.ts";
import type { Unconfirmed } from "./unconfirmed.ts";

/** The options of a link. */
export interface PublishLinkOptions {
  /** What is published to. */
  readonly exchange: string;
  /** The exchange for plain copies; absent if there are to be none. */
  readonly copiesTo?: string | undefined;
  /** Is told what becomes of envelopes. */
  readonly publisher: Pick<Publisher, "confirmed" | "refused" | "refusing" | "drained" | "isAwaited">;
  /** The exchanges and queues that have to exist for a publish to reach everybody: the same object as long as nothing changes. */
  needed(): Needed;
  /** Is told of each write, since what is published may get an answer. */
  readonly haste: Haste;
  /** Is told what has waited longest. */
  readonly unconfirmed: Pick<Unconfirmed, "look">;
  /** How long something that has gone stays missing, in milliseconds. */
  readonly missedForMs: number;
  /**
   * A message was refused.
   *
   * @param isFirst whether it was the first one on this channel. Then this is called when its envelope is settled and the publisher was told,
   * otherwise before that
   * @param areOnlyCopies whether Warren's own queues have taken it; false if that is not known
   */
  onRefused(isFirst: boolean, areOnlyCopies: boolean): void;
  /** A message was taken: the first one at all, or the first one after a refusal. */
  onTaken(): void;
  readonly drop: Drop;
  /** The publisher gives the link up over a refusal. @param areOnlyCopies as above */
  giveUp(why: string, areOnlyCopies: boolean): void;
  /**
   * The same object for all links among which it is noticed if a queue goes: what one of them has published to Warren's own queues need not
   * be published again over another one. Absent: there are no others.
   */
  readonly witnesses?: object | undefined;
}
