import type { LabelledCounter } from "../../ops/metrics.ts";
import type { FaultReason } from "../../wire/stomp/fault.ts";
import type { FrameLimits } from "../../wire/stomp/frames.ts";
import type { Surroundings } from "../protocol/protocol.ts";
import type { Credentials } from "./credentials.ts";

/** What STOMP clients may do, and for how long. */
export interface StompOptions extends FrameLimits {
  /** Subscriptions that a client may have. */
  readonly maxSubscriptions: number;
  /** What a client's open transactions may hold together. In bytes. */
  readonly maxTransactionBytes: number;
  /** How long a client may take to send CONNECT. In milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** How long the rest of a frame may take that has begun. In milliseconds. */
  readonly messageTimeoutMs: number;
}

/** What the sessions share. */
export type StompSurroundings = Surroundings &
  StompOptions & {
    /** ERROR frames, by what was wrong. */
    readonly faults: LabelledCounter<FaultReason>;
    /** What every client may do where none needs a token: then nothing in them changes, and all clients share them. */
    readonly anyones: Credentials | undefined;
  };
