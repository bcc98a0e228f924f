import { eventKeys } from "../broker/events.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { isEnvelope } from "./answer-envelope.ts";
import { Hopeless } from "./attempts.ts";
import type { Handler, Work } from "./handler.ts";
import type { ClientEvent, EventHandler, HandlerContext } from "./handler-types.ts";
import { isStream } from "./streams.ts";

/** The handlers of events that a module may export. */
export interface EventHandlers {
  /** Called when a client has connected. */
  readonly connected?: EventHandler | undefined;
  /** Called when a client has disconnected. */
  readonly disconnected?: EventHandler | undefined;
}

/** The keys of the events for which there is a handler. */
export function keysFor({ connected, disconnected }: EventHandlers): readonly string[] {
  return [
    ...(connected === undefined ? [] : [eventKeys.connected]),
    ...(disconnected === undefined ? [] : [eventKeys.disconnected]),
  ];
}

/** The work of a processor that handles events of clients. */
export function eventWork(handlers: EventHandlers): Work {
  const byKey = new Map<string, EventHandler | undefined>([
    [eventKeys.connected, handlers.connected],
    [eventKeys.disconnected, handlers.disconnected],
  ]);
  const handle: Handler = ({ id, text, topic }, context) => {
    const event = eventIn(text);
    // Anybody with RabbitMQ's password can publish to the exchange.
    if (event === undefined) throw new Hopeless("this is no event of a client");
    return toClient(byKey.get(topic)!({ ...event, id }, context as HandlerContext));
  };
  // The queue may still be bound for an earlier version of the handler.
  return { handle, isFor: (topic) => byKey.get(topic) !== undefined };
}

/**
 * Converts an event into a message, with the client that it is about, so that a client's events are handled in order, and with an id that
 * never changes.
 */
export function eventEnvelope(envelope: Envelope): Envelope {
  const event = eventIn(envelope.body.toString());
  if (event === undefined) return envelope;
  return { ...envelope, clientId: event.client, messageId: `${event.connection}/${event.event}` };
}

function eventIn(text: string): Omit<ClientEvent, "id"> | undefined {
  try {
    const said = JSON.parse(text) as Partial<Record<string, unknown>> | null;
    const { event, client, connection } = said ?? {};
    const isEvent = [event, client, connection].every((part) => typeof part === "string");
    return isEvent ? (said as unknown as Omit<ClientEvent, "id">) : undefined;
  } catch {
    return undefined;
  }
}

/** An answer without a destination goes to the client. */
function toClient(result: unknown): unknown {
  if (result === undefined || result === null) return result;
  if (Array.isArray(result)) return result.map(toClient);
  if (isStream(result)) return streamToClient(result as AsyncIterable<unknown>);
  if (typeof result === "object" && "then" in result && typeof result.then === "function")
    return Promise.resolve(result).then(toClient);
  return isEnvelope(result) ? result : { to: "sender", body: result };
}

async function* streamToClient(results: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const result of results) yield toClient(result);
}
