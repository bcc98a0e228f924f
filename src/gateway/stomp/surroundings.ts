import type { LabelledCounter } from "../../ops/metrics.ts";
import type { FaultReason } from "../../wire/stomp/fault.ts";
import type { FrameLimits } from "../../wire/stomp/frames.ts";
import type { Surroundings } from "../protocol/protocol.ts";
import type { Credentials } from "./credentials.ts";

/** The limits of STOMP clients. */
export interface StompOptions extends FrameLimits {
  /** How many subscriptions a client may have. */
  readonly maxSubscriptions: number;
  /** What a client's open transactions may hold together. In bytes. */
  readonly maxTransactionBytes: number;
  /** How long a client has to send CONNECT. In milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** How long the rest of a frame may take. In milliseconds. */
  readonly messageTimeoutMs: number;
}

/** What all sessions use. */
export type StompSurroundings = Surroundings &
  StompOptions & {
    /** Counts ERROR frames by reason. */
    readonly faults: LabelledCounter<FaultReason>;
    /** The credentials of all clients if no tokens are needed: nothing in them changes then, so all clients share them. */
    readonly anyones: Credentials | undefined;
  };
