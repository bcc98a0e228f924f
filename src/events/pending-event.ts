import type { ClientEvent } from "./event.ts";

/** A waiting event of one of this manager's clients. Each client that connects has two or more, although hardly anybody listens. */
export class PendingEvent {
  readonly event: ClientEvent["event"];
  /** The number of its connection. Numbers rise by one with each connection. */
  readonly number: number;
  /** Its id; undefined if it has none. */
  readonly id: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** For a connect the protocol, for a disconnect the reason, and otherwise the topic. */
  readonly detail: string | undefined;
  /** The client's address, for a connect, if addresses are counted. */
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

/** The event as programs get it. */
export function eventOf(
  manager: string,
  { event, number, id, at, detail, address }: PendingEvent,
): ClientEvent {
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

/** The name of a connection. */
export function connectionOf(manager: string, number: number): string {
  return `${manager}-${number}`;
}

/** The number of the connection that has this name; undefined if it is none of this manager's. */
export function connectionIn(manager: string, name: string): number | undefined {
  const number = Number(name.slice(manager.length + 1));
  return number > 0 && connectionOf(manager, number) === name ? number : undefined;
}
