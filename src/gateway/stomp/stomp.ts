import { type AnyMetric, LabelledCounter } from "../../ops/metrics.ts";
import { faultReasons } from "../../wire/stomp/fault.ts";
import { unlimited } from "../auth/grant.ts";
import type { Client } from "../clients/client.ts";
import type { LateEntry, LateNewcomer, Protocol, Surroundings } from "../protocol/protocol.ts";
import { Credentials } from "./credentials.ts";
import { stompEncodings } from "./encoding.ts";
import { beginsStomp } from "./first-frame.ts";
import { Session } from "./session.ts";
import type { StompOptions, StompSurroundings } from "./surroundings.ts";

export type { StompOptions };

/** STOMP 1.2 and 1.1 over WebSocket, for clients that need topics, receipts and headers. */
export class StompProtocol implements Protocol {
  readonly subprotocols = ["v12.stomp", "v11.stomp"];
  readonly lateEntry: LateEntry = {
    name: "STOMP",
    begins: beginsStomp,
    tokenPlace: "as the passcode of a STOMP CONNECT",
    // Ends any frame, whatever came before.
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

/** ERROR frames that clients got. */
function countFaults() {
  return new LabelledCounter(
    {
      name: "warren_stomp_errors_total",
      help: "ERROR frames that STOMP clients got, each of which ended a connection.",
      label: "reason",
    },
    faultReasons,
  );
}
