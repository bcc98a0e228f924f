import { LabelledCounter } from "../ops/metrics.ts";

/**
 * Why a message was set aside: a name that AMQP cannot carry, headers that fit into no frame, what could not be encoded, or
 * the broker closed the channel or the connection over it.
 */
const setAsideReasons = ["name", "frameSize", "encoding", "channelClosed", "connectionClosed"] as const;
/** Why a message was set aside, as metrics and logs say it. */
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
  /** Whom it was from, or for. */
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
