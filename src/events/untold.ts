import type { ClientEvent } from "./event.ts";

/** An event of one of this manager's clients that waits to be told. Each client that connects has two of them or more, though hardly anybody listens. */
export class Untold implements Details {
  readonly event: ClientEvent["event"];
  /** The number of its connection. */
  readonly number: number;
  /** Its id; undefined if it has none. */
  readonly id: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly topic: string | undefined;
  readonly protocol: string | undefined;
  readonly address: string | undefined;
  readonly reason: string | undefined;

  constructor(
    event: ClientEvent["event"],
    number: number,
    id: string | undefined,
    at: number,
    { topic, protocol, address, reason }: Details,
  ) {
    this.event = event;
    this.number = number;
    this.id = id;
    this.at = at;
    this.topic = topic;
    this.protocol = protocol;
    this.address = address;
    this.reason = reason;
  }
}

/** What events have besides, by their kind. */
export type Details = Pick<ClientEvent, "topic" | "protocol" | "address" | "reason">;

/** The event that programs hear. */
export function eventOf(manager: string, untold: Untold): ClientEvent {
  const { event, number, id, at, topic, protocol, address, reason } = untold;
  const connection = connectionOf(manager, number);
  return { event, client: id ?? connection, connection, manager, at, topic, protocol, address, reason };
}

/** What a connection is called. */
export function connectionOf(manager: string, number: number): string {
  return `${manager}-${number}`;
}
