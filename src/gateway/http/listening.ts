import { timeIn } from "../../duration.ts";
import { positionAfter, type Start, startAfter, startAt } from "../../log/position.ts";
import { faultInPattern } from "../../topics/pattern.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import type { Seat } from "../clients/seat.ts";
import { Refused } from "../guards/refusals.ts";
import type { DoorSurroundings } from "../protocol/protocol.ts";
import { fault, later } from "./answers.ts";
import { type Asked, type Caller, callerOf, forbidden } from "./caller.ts";
import { EventStream } from "./event-stream.ts";
import { bareEvents, envelopeEvents, placeField } from "./events-encoding.ts";
import { lines, nextIn } from "./lines-encoding.ts";
import { Poll } from "./poll.ts";
import { Settling } from "./settling.ts";
import { Subscriber } from "./subscriber.ts";

/** The longest wait for a message, in milliseconds. */
const waitMsMax = 300_000;

/** `GET /topics/PATTERN`: a stream of events, or a poll that waits for messages. */
export class Listening {
  readonly #surroundings: DoorSurroundings;
  /** Ends polls: thousands may wait for the same message, or for the same moment. */
  readonly #ends: Settling;
  streamCount = 0;
  pollCount = 0;

  constructor(surroundings: DoorSurroundings) {
    this.#surroundings = surroundings;
    this.#ends = new Settling(surroundings.loop);
  }

  async answer(asked: Asked): Promise<Response> {
    const { request, server, query, name: pattern } = asked;
    const tooMuch = faultInPattern(pattern);
    if (tooMuch !== undefined) return fault(400, tooMuch);
    const wait = query.get("wait");
    const waitMs = wait === undefined ? undefined : timeIn(wait, waitMsMax);
    if (wait !== undefined && waitMs === undefined)
      return fault(400, "wait is a time such as 20s, at most 5m");
    if (waitMs === undefined && !takesEvents(request.headers.get("accept")))
      return fault(
        406,
        "say Accept: text/event-stream for events, or ?wait=20s to wait for the next messages",
      );
    const format = query.get("envelope");
    if (format !== undefined && format !== "json") return fault(400, "envelope is json, or left out");
    const start = startOf(asked, this.#surroundings.durables !== undefined);
    if (start instanceof Response) return start;
    const caller = await callerOf(asked, this.#surroundings);
    if (caller instanceof Response) return caller;
    if (!caller.grant.permissions.maySubscribe(pattern))
      return forbidden("subscribe", "subscribe to this topic", caller, this.#surroundings);
    const { limits, refusals } = this.#surroundings;
    const seat = limits.takeListenersSeat(request, server);
    if (seat instanceof Refused) return refusals.refuse(seat.name, seat.why, true);
    if (request.method === "HEAD" || request.signal.aborted) {
      limits.giveBackSeat(seat);
      return new Response(null, { headers: { "cache-control": "no-store" } });
    }
    seat.tokenIssuedAtMs = caller.grant.issuedAtMs ?? 0;
    if (waitMs !== undefined) return await this.#poll(asked, caller, seat, start, waitMs);
    return this.#stream(asked, caller, seat, start, format === undefined ? bareEvents : envelopeEvents);
  }

  #stream(
    { request, server, name: pattern }: Asked,
    { id, grant }: Caller,
    seat: Seat,
    start: Start,
    encoding: typeof bareEvents,
  ): Response {
    const { multicast, connections, limits, durables } = this.#surroundings;
    const wish = { protocol: "sse", pattern, start, encoding } as const;
    const client = new Subscriber({ id, seat, grant }, wish, this.#surroundings, (after) => {
      // A client that is lost before its first message goes on there. If the log is empty, it is read from its beginning.
      const begin = after ?? (start === "next" && durables !== undefined ? "first" : undefined);
      stream.send(begin === undefined ? ":\n\n" : `${placeField(begin)}\n`);
    });
    const place = () => (client.place === undefined ? "" : `${placeField(client.place)}\n`);
    const onUnopened = () => limits.giveBackSeat(seat);
    const parts = { multicast, events: connections, place, onUnopened };
    const stream = new EventStream(client, addressOf(request, server), parts);
    this.streamCount++;
    return stream.response(request, server, { "warren-client": encodeURIComponent(id) });
  }

  async #poll(
    { request, server, name: pattern }: Asked,
    { id, grant }: Caller,
    seat: Seat,
    start: Start,
    waitMs: number,
  ): Promise<Response> {
    const { multicast, connections, handshakeTimeoutMs } = this.#surroundings;
    const wish = { protocol: "poll", pattern, start, encoding: lines } as const;
    const client = new Subscriber({ id, seat, grant }, wish, this.#surroundings);
    const place = () => client.place;
    const isReading = () => client.isReading;
    const parts = { multicast, events: connections, ends: this.#ends, waitMs, place, isReading };
    const poll = new Poll(client, addressOf(request, server), parts);
    this.pollCount++;
    const outcome = await poll.answer(request, server, Math.ceil(handshakeTimeoutMs / 1000));
    const headersOf = (next: string | undefined) => ({
      "warren-client": encodeURIComponent(id),
      "cache-control": "no-store",
      ...(next === undefined ? {} : { "warren-next": next }),
    });
    if (outcome.is === "lines")
      return new Response(outcome.text, {
        headers: {
          ...headersOf(nextIn(outcome.text)),
          "content-type": "application/x-ndjson",
          "x-content-type-options": "nosniff",
        },
      });
    if (outcome.is === "ended") return endedBy(outcome.code, outcome.reason);
    const next = outcome.place === undefined ? undefined : positionAfter(outcome.place);
    return new Response(null, { status: 204, headers: headersOf(next) });
  }
}

/** The peer's address, as long as the request is not answered. */
function addressOf(request: Request, server: Asked["server"]): () => string {
  return () => server.requestIP(request)?.address ?? "";
}

/** What a poll is answered with that the manager ends, by the close code that another client gets. */
function endedBy(code: number, reason: string): Response {
  if (code === closeCodes.unfit.code) return fault(400, reason);
  if (code === closeCodes.unauthenticated.code) return fault(401, reason);
  return later(503, reason, 1000);
}

/** Where it begins, or the answer to a request with an invalid place. */
function startOf({ request, query }: Asked, hasLog: boolean): Start | Response {
  // A browser that reconnects by itself uses the same URL and adds the last event's id.
  const lastId = request.headers.get("last-event-id") || query.get("after");
  const from = query.get("from");
  if (!hasLog)
    return lastId === undefined && (from === undefined || from === "next")
      ? "next"
      : fault(400, "there is no log to continue from: this manager runs with --log off");
  if (lastId === undefined || lastId === "") {
    if (from === undefined) return "next";
    return (
      startAt(from) ??
      fault(400, "from is first, next, last, last=N, timestamp=SECONDS, or the position to begin with")
    );
  }
  const start = lastId === "first" ? lastId : startAfter(lastId);
  return start ?? fault(400, "Last-Event-ID and ?after= are the id of an event, as it came");
}

/**
 * Whether the answer may be events: a program without Accept gets them, but a browser's address bar, which names other types and any, does
 * not. A type with the weight zero is refused (RFC 9110, section 12.4.2).
 */
export function takesEvents(accept: string | null): boolean {
  if (accept === null) return true;
  const named = accept.toLowerCase().split(",").map(withWeight);
  return named.some(
    ({ type, weight }) =>
      weight !== 0 && (type === "text/event-stream" || (type === "*/*" && named.length === 1)),
  );
}

/** One of the types in Accept. A weight that is no number counts as none. */
function withWeight(text: string): { readonly type: string; readonly weight: number } {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  return { type, weight: weight === undefined ? 1 : Number.parseFloat(weight) };
}
