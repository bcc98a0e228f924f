import { LabelledCounter } from "../ops/metrics.ts";

/**
 * Why a message was set aside: AMQP cannot carry a name, its headers do not fit into a frame, it could not be encoded, or the broker closed
 * the channel or the connection over it.
 */
const setAsideReasons = ["name", "frameSize", "encoding", "channelClosed", "connectionClosed"] as const;
/** Why a message was set aside, for metrics and logs. */
export type SetAsideReason = (typeof setAsideReasons)[number];

/** Why a message cannot be published. */
export interface Unfit {
  readonly reason: SetAsideReason;
  /** A sentence for its sender. */
  readonly why: string;
}

/** A message that was given up. */
export interface SetAside extends Unfit {
  /** The message's id. */
  readonly id: string;
  /** The message's topic. */
  readonly topic: string;
  /** The sender, or the only recipient. */
  readonly clientId: string | undefined;
}

/** Counts messages that are set aside, by reason. */
export function countSetAside(): LabelledCounter<SetAsideReason> {
  return new LabelledCounter(
    {
      name: "warren_set_aside_total",
      help: "Messages that were given up since RabbitMQ would have closed the connection over them again and again.",
      label: "reason",
    },
    setAsideReasons,
  );
}
