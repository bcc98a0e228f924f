import { isPattern, wildcardCount, wildcardsMax } from "../../src/topics/pattern.ts";

/** The limit of an AMQP routing key, which carries the topic. */
const topicBytesMax = 255;

/** The topic of a destination. */
export function topicOfDestination(destination: string): string {
  return destination.startsWith("/topic/") ? destination.slice("/topic/".length) : "";
}

/** Why a topic or pattern is invalid, in words for the person who typed it. */
export function topicProblem(topic: string): string | undefined {
  if (/\p{Cc}/u.test(topic)) return "A topic cannot contain control characters.";
  if (wildcardCount(topic) > wildcardsMax)
    return `A pattern has at most ${wildcardsMax} words that are * or #.`;
  const bytes = new TextEncoder().encode(topic).length;
  if (bytes > topicBytesMax) return `A topic is at most ${topicBytesMax} bytes long; this one has ${bytes}.`;
  return undefined;
}

/** The topic in the page's address. The empty topic is broadcast. */
export function topicOfPage(url: string): string {
  return new URL(url).searchParams.get("topic") ?? "";
}

/** The page's address for a topic, as people copy it from the address bar to share. */
export function pageOnTopic(url: string, topic: string): string {
  const page = new URL(url);
  if (topic === "") page.searchParams.delete("topic");
  else page.searchParams.set("topic", topic);
  return page.href;
}

/** The URL of the manager's WebSocket. Without a client id, the manager chooses one. */
export function socketUrl(page: string, clientId: string | undefined): string {
  const url = new URL(clientId === undefined ? "ws" : `ws/${encodeURIComponent(clientId)}`, page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** The note in the list when the page has joined a topic or pattern. */
export function joinedInWords(topic: string): string {
  if (topic === "") return "Joined broadcast, where everyone is";
  if (isPattern(topic)) return `Listening to all topics like ${topic}`;
  return `Joined the topic ${topic}`;
}
