import type { AnyMetric, LabelledCounter } from "../../ops/metrics.ts";
import type { FaultReason } from "../../wire/stomp/fault.ts";
import type { FrameLimits } from "../../wire/stomp/parser.ts";
import { unlimited } from "../auth/grant.ts";
import type { Client } from "../clients/client.ts";
import type { LateEntry, LateNewcomer, Protocol, Surroundings } from "../protocol.ts";
import { Credentials } from "./credentials.ts";
import { stompEncodings } from "./encoding.ts";
import { countFaults } from "./fault-count.ts";
import { beginsStomp } from "./first-frame.ts";
import { Session } from "./session.ts";

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

/** STOMP 1.2 and 1.1 over WebSocket, for clients that need topics, receipts and headers. */
export class StompProtocol implements Protocol {
  readonly subprotocols = ["v12.stomp", "v11.stomp"];
  readonly lateEntry: LateEntry = {
    name: "STOMP",
    begins: beginsStomp,
    tokenPlace: "as the passcode of a STOMP CONNECT",
    // Whatever came before, this is the end of a frame.
    resync: "\n\n\0",
    admit: (newcomer) => this.admit(newcomer),
  };
  readonly #surroundings: StompSurroundings;

  constructor(given: Surroundings & StompOptions) {
    const surroundings = { ...given, faults: countFaults(), anyones: undefined };
    const anyones =
      given.auth === undefined ? new Credentials(surroundings, undefined, unlimited) : undefined;
    this.#surroundings = { ...surroundings, anyones };
  }

  get metrics(): readonly AnyMetric[] {
    const { audiences } = this.#surroundings.relay;
    return [
      {
        name: "warren_audiences",
        type: "gauge",
        help: "STOMP subscriptions, those with the same id and destination counted once.",
        read: () => stompEncodings.reduce((count, each) => count + audiences.countOf(each), 0),
      },
      this.#surroundings.faults.metric,
    ];
  }

  takesTokenLater(): boolean {
    return true;
  }

  admit({ id, grant, seat }: LateNewcomer): Client {
    return new Session(id, seat, grant, this.#surroundings);
  }
}
