import { isName } from "../../message.ts";
import { faultInPattern, isPattern } from "../../topics/pattern.ts";
import { StompFault } from "./fault.ts";
import { own } from "./texts.ts";

const topicPrefix = "/topic/";
const appPrefix = "/app/";
/** The clients on a topic; without a topic: those on `/broadcast`. */
const presence = "/presence";
const replyPrefix = "/temp-queue/";
const broadcast = "/broadcast";
/** The messages for this client alone. */
export const direct = "/direct";

/** The destination whose messages have this topic. */
export function destinationOf(topic: string): string {
  return topic === "" ? broadcast : topicPrefix + topic;
}

/** The topics of the last destinations in SEND. Each topic is one text, however many messages have it. */
const sentTo = new Map<string, string>();
/** The same for SUBSCRIBE: very many clients subscribe to the same topics. */
const subscribedTo = new Map<string, string>();
/** How many of each are kept. Then all are forgotten together, so at most some 2 MB are kept. */
const knownMax = 1024;

/**
 * The topic of a SEND's destination.
 *
 * @throws StompFault
 */
export function topicToSendTo(destination: string): string {
  const known = sentTo.get(destination);
  if (known !== undefined) return known;
  const topic = checkedTopic(destination);
  if (sentTo.size >= knownMax) sentTo.clear();
  sentTo.set(destination, topic);
  return topic;
}

function checkedTopic(destination: string): string {
  if (destination === direct) {
    throw new StompFault(
      `"${direct}" is to subscribe to: clients send to "/broadcast" or "/topic/NAME", and processors answer one client`,
    );
  }
  const topic = topicOf(destination);
  if (isPattern(topic))
    throw new StompFault(`"${destination}" is a pattern: send to one topic, without * and #`);
  return topic;
}

/** Whether a SEND's destination is only for processors: `/app/TOPIC`. */
export function isApp(destination: string): boolean {
  return destination.startsWith(appPrefix);
}

/**
 * The topic of a request, as processors see it.
 *
 * @throws StompFault
 */
export function appToSendTo(destination: string): string {
  const topic = destination.slice(appPrefix.length);
  if (topic === "" || !isName(topic))
    throw new StompFault("the NAME of /app/NAME has 1 to 255 bytes and no control characters");
  if (isPattern(topic))
    throw new StompFault(`"${destination}" is a pattern: send to one topic, without * and #`);
  return own(topic);
}

/**
 * The name in a request's `reply-to`: the text after `/temp-queue/`.
 *
 * @throws StompFault
 */
export function replyNameIn(replyTo: string): string {
  const name = replyTo.startsWith(replyPrefix) ? replyTo.slice(replyPrefix.length) : "";
  if (name === "")
    throw new StompFault(
      `the reply-to of a SEND to /app is /temp-queue/NAME, of any name, not ${JSON.stringify(replyTo.slice(0, 100))}`,
    );
  return own(name);
}

/** The destination, and the subscription id, of answers to requests with this name in their `reply-to`. */
export function replyDestination(name: string): string {
  return replyPrefix + name;
}

/**
 * The topic in a SUBSCRIBE's destination `/presence/TOPIC`; undefined if it is another destination.
 *
 * @throws StompFault
 */
export function presenceTopicIn(destination: string): string | undefined {
  if (destination === presence) return "";
  if (!destination.startsWith(`${presence}/`)) return undefined;
  const topic = destination.slice(presence.length + 1);
  if (topic === "" || !isName(topic))
    throw new StompFault("the TOPIC of /presence/TOPIC has 1 to 255 bytes and no control characters");
  if (isPattern(topic))
    throw new StompFault(
      `"${destination.slice(0, 300)}" is a pattern: ask who is on one topic, without * and #`,
    );
  return own(topic);
}

/**
 * The subject of a SUBSCRIBE's destination: a topic, a pattern, or `direct`.
 *
 * @throws StompFault
 */
export function patternToSubscribe(destination: string): string | typeof direct {
  if (destination === direct) return direct;
  const known = subscribedTo.get(destination);
  if (known !== undefined) return known;
  const pattern = topicOf(destination);
  const fault = faultInPattern(pattern);
  if (fault !== undefined) throw new StompFault(fault);
  if (subscribedTo.size >= knownMax) subscribedTo.clear();
  subscribedTo.set(destination, pattern);
  return pattern;
}

function topicOf(destination: string): string {
  if (destination === broadcast) return "";
  const name = destination.startsWith(topicPrefix) ? destination.slice(topicPrefix.length) : "";
  if (name === "") {
    throw new StompFault(
      `unknown destination "${destination.slice(0, 100)}": there are "/topic/NAME" and "/broadcast", "/direct" and "/presence/NAME" to subscribe to, and "/app/NAME" to send to`,
    );
  }
  if (!isName(name)) throw new StompFault("a topic has at most 255 bytes and no control characters");
  return own(name);
}
