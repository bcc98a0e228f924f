import type { AnyMetric, LabelledCounter } from "../../ops/metrics.ts";
import type { FaultReason } from "../../wire/stomp/fault.ts";
import type { FrameLimits } from "../../wire/stomp/parser.ts";
import { unlimited } from "../auth/grant.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Durables } from "../durable/durables.ts";
import type { Newcomer, Protocol, Surroundings } from "../protocol.ts";
import { Credentials } from "./credentials.ts";
import { stompEncodings } from "./encoding.ts";
import { countFaults } from "./fault-count.ts";
import { Session } from "./session.ts";

export interface StompOptions extends FrameLimits {
  /** Subscriptions that a client may have. */
  readonly maxSubscriptions: number;
  /** What a client's open transactions may hold together. In bytes. */
  readonly maxTransactionBytes: number;
  /** How long a client may take to send CONNECT. In milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** How long the rest of a frame may take that has begun. In milliseconds. */
  readonly messageTimeoutMs: number;
  /** Undefined where there is no log to subscribe to. */
  readonly durables: Durables | undefined;
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

  /** A client that asked for no subprotocol has begun with CONNECT. What it was before must have let go of the socket. */
  takeOver(
    socket: ClientSocket,
    { id, grant, seat }: Pick<Newcomer, "id" | "grant" | "seat">,
    first: string | Buffer,
  ): void {
    const wasIdentified = socket.data.id !== undefined;
    const session = new Session(id, seat, grant, this.#surroundings);
    socket.data.closed();
    socket.data.left();
    socket.data = session;
    session.opened(socket);
    // What a client sent before it closed may be understood only now.
    if (socket.readyState === WebSocket.CLOSED) session.closed();
    if (!wasIdentified && session.id !== undefined) this.#surroundings.identified(socket);
    session.message(socket, first);
  }

  admit({ id, grant, seat }: Newcomer): Client {
    return new Session(id, seat, grant, this.#surroundings);
  }
}
