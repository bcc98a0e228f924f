import { lastMax, type Start, startAfter, startAt } from "../../log/position.ts";
import { isShortText } from "../../message.ts";
import {
  direct as directDestination,
  patternToSubscribe,
  presenceTopicIn,
} from "../../wire/stomp/destinations.ts";
import { required, StompFault } from "../../wire/stomp/fault.ts";
import type { Frame, Version } from "../../wire/stomp/frames.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { DurableRequest } from "../durable/subscription.ts";
import { direct } from "../fan-out/encoding.ts";
import type { Subject, Subscriptions } from "../protocol/subscriptions.ts";
import type { Credentials } from "./credentials.ts";
import { stompEncoding } from "./encoding.ts";
import { overlapsMax, overlapWith } from "./overlaps.ts";

/** The client that subscribes. */
export interface Subscriber {
  readonly socket: ClientSocket;
  /** The client's id. */
  readonly clientId: string;
  readonly credentials: Credentials;
  readonly version: Version;
  readonly subscriptions: Subscriptions;
  /** Counts towards the client's rate, in messages. */
  pay(messages: number): void;
}

/** The result of a SUBSCRIBE. */
export interface SubscribeEvents {
  /** Called once, when the client is subscribed: at once, or for a durable subscription when its place in the log is known. */
  subscribed(after?: string): void;
  /** Called instead if a durable subscription is not possible, with a sentence for the client. */
  refused(why: string): void;
}

/**
 * Handles a SUBSCRIBE frame.
 *
 * @param countMax how many subscriptions a client may have
 * @throws StompFault
 */
export function subscribe(
  { socket, clientId, credentials, version, subscriptions, pay }: Subscriber,
  frame: Frame,
  countMax: number,
  { subscribed, refused }: SubscribeEvents,
): void {
  const { headers } = frame;
  const id = required(frame, "id");
  const ack = headers.get("ack") ?? "auto";
  if (ack !== "auto")
    throw new StompFault(`ack:${ack.slice(0, 40)} is not supported: leave it out, or say ack:auto`);
  if (!isShortText(id)) throw new StompFault("a subscription id has at most 255 bytes");
  if (subscriptions.has(id)) throw new StompFault(`there is a subscription "${id}" already`);
  if (subscriptions.count >= countMax)
    throw new StompFault(`more than ${countMax} subscriptions`, { reason: "subscriptions" });
  const destination = required(frame, "destination");
  const watched = presenceTopicIn(destination);
  if (watched !== undefined) {
    credentials.maySubscribe(watched);
    watch({ socket, version, subscriptions }, watched, frame);
    subscribed();
    return;
  }
  const subject: Subject = destination === directDestination ? direct : patternToSubscribe(destination);
  if (subject !== direct) credentials.maySubscribe(subject);
  // Nearly all clients have fewer subscriptions than may overlap.
  if (subscriptions.count >= overlapsMax) {
    const { isTooMuch, messages } = overlapWith(nameOf(subject), subscriptions.subjects().map(nameOf));
    if (messages > 0) pay(messages);
    if (isTooMuch) throw tooManyAlike();
  }
  const start = startOf(headers);
  const isConflated = isConflatedBy(headers, start !== undefined || subject === direct);
  const encoding = stompEncoding(version);
  if (start === undefined) {
    if (isConflated && subject !== direct) subscriptions.addConflated(socket, subject, encoding, id);
    else subscriptions.addLive(socket, subject, encoding, id);
    subscribed();
    return;
  }
  const request: DurableRequest = {
    socket,
    clientId,
    subscriptionId: id,
    encoding,
    pattern: subject,
    start,
    onSubscribed: subscribed,
    onRefused: refused,
  };
  if (!subscriptions.addDurable(request))
    throw new StompFault("there is no log to subscribe to: this manager runs with --log off");
}

/** @throws StompFault */
function watch(
  { socket, version, subscriptions }: Pick<Subscriber, "socket" | "version" | "subscriptions">,
  topic: string,
  { headers }: Frame,
): void {
  if (!subscriptions.hasPresence)
    throw new StompFault("presence is not available: this manager runs with --log off");
  if (startOf(headers) !== undefined)
    throw new StompFault("/presence has no log: leave out x-stream-offset and x-stream-after");
  const countOnly = headers.get("x-count") ?? "false";
  if (countOnly !== "true" && countOnly !== "false")
    throw new StompFault(`x-count is true or false, not ${JSON.stringify(countOnly.slice(0, 80))}`);
  // Each change is written to all of them.
  if (timesIn(subscriptions.watched(), topic) >= overlapsMax) throw tooManyAlike();
  const fault = subscriptions.addPresence({
    socket,
    topic,
    mode: countOnly === "true" ? "count" : "list",
    encoding: stompEncoding(version),
    subscriptionId: headers.get("id")!,
    destination: headers.get("destination")!,
  });
  if (fault !== undefined) throw new StompFault(fault, { reason: "subscriptions" });
}

/**
 * Handles an UNSUBSCRIBE frame.
 *
 * @throws StompFault
 */
export function unsubscribe(
  { socket, subscriptions }: Pick<Subscriber, "socket" | "subscriptions">,
  frame: Frame,
): void {
  const id = required(frame, "id");
  if (!subscriptions.remove(socket, id))
    throw new StompFault(`there is no subscription "${id.slice(0, 100)}"`);
}

function tooManyAlike(): StompFault {
  return new StompFault(
    `more than ${overlapsMax} subscriptions that one message may match: let the client share what it gets`,
    { reason: "subscriptions" },
  );
}

function timesIn(topics: Iterable<string>, wanted: string): number {
  let times = 0;
  for (const topic of topics) if (topic === wanted) times++;
  return times;
}

/** The text of a subject: a topic, a pattern, or the destination of messages for this client alone. */
function nameOf(subject: Subject): string {
  return subject === direct ? directDestination : subject;
}

/**
 * Where a durable subscription begins; undefined for a live one.
 *
 * @throws StompFault
 */
function startOf(headers: Frame["headers"]): Start | undefined {
  const offset = headers.get("x-stream-offset");
  const after = headers.get("x-stream-after");
  if (offset === undefined && after === undefined) return undefined;
  if (offset !== undefined && after !== undefined)
    throw new StompFault("x-stream-offset and x-stream-after are two ways to say where to begin: say one");
  const start = after === undefined ? startAt(offset!) : startAfter(after);
  if (start !== undefined) return start;
  throw new StompFault(
    after === undefined
      ? `x-stream-offset is first, next, last, last=N with N from 1 to ${lastMax}, timestamp=SECONDS or a position, not ${JSON.stringify(offset!.slice(0, 80))}`
      : `x-stream-after is the x-stream-offset of a MESSAGE, not ${JSON.stringify(after.slice(0, 80))}`,
  );
}

/**
 * Whether a live subscription keeps only the newest waiting message of each topic when its client reads too slowly.
 *
 * @param isOther whether it is not a live subscription to topics
 * @throws StompFault
 */
function isConflatedBy(headers: Frame["headers"], isOther: boolean): boolean {
  const said = headers.get("x-conflate") ?? "false";
  if (said !== "true" && said !== "false")
    throw new StompFault(`x-conflate is true or false, not ${JSON.stringify(said.slice(0, 80))}`);
  if (said === "true" && isOther)
    throw new StompFault(
      "x-conflate is for live subscriptions to /topic and /broadcast: a durable one is never cut off, and gets every message",
    );
  return said === "true";
}
