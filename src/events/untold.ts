import type { ClientEvent } from "./event.ts";

/** An event of one of this manager's clients that waits to be told. Each client that connects has two of them or more, though hardly anybody listens. */
export class Untold {
  readonly event: ClientEvent["event"];
  /** The number of its connection: it rises by one with each connection that begins. */
  readonly number: number;
  /** Its id; undefined if it has none. */
  readonly id: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The protocol where a client connected, the reason where it disconnected, and otherwise the topic. */
  readonly detail: string | undefined;
  /** The client's address where it connected and addresses are counted. */
  readonly address: string | undefined;

  constructor(
    event: ClientEvent["event"],
    number: number,
    id: string | undefined,
    at: number,
    detail: string | undefined,
    address?: string,
  ) {
    this.event = event;
    this.number = number;
    this.id = id;
    this.at = at;
    this.detail = detail;
    this.address = address;
  }
}

/** As programs hear it. */
export function eventOf(manager: string, { event, number, id, at, detail, address }: Untold): ClientEvent {
  const connection = connectionOf(manager, number);
  const isOfTopic = event === "subscribed" || event === "unsubscribed";
  return {
    event,
    client: id ?? connection,
    connection,
    manager,
    at,
    topic: isOfTopic ? detail : undefined,
    protocol: event === "connected" ? detail : undefined,
    address,
    reason: event === "disconnected" ? detail : undefined,
  };
}

/** What a connection is called. */
export function connectionOf(manager: string, number: number): string {
  return `${manager}-${number}`;
}
