import { isPattern, wildcardCount, wildcardsMax } from "../../src/topics/pattern.ts";

/** A topic travels as an AMQP routing key, whose length is one byte. */
const topicBytesMax = 255;

/** The topic of what came from there. */
export function topicOfDestination(destination: string): string {
  return destination.startsWith("/topic/") ? destination.slice("/topic/".length) : "";
}

/** What is wrong with a topic, or a pattern of topics, for the person who typed it. */
export function topicProblem(topic: string): string | undefined {
  if (/\p{Cc}/u.test(topic)) return "A topic cannot contain control characters.";
  if (wildcardCount(topic) > wildcardsMax)
    return `A pattern has at most ${wildcardsMax} words that are * or #.`;
  const bytes = new TextEncoder().encode(topic).length;
  if (bytes > topicBytesMax) return `A topic is at most ${topicBytesMax} bytes long; this one has ${bytes}.`;
  return undefined;
}

/** The topic in the page's address; the empty one is broadcast. */
export function topicOfPage(url: string): string {
  return new URL(url).searchParams.get("topic") ?? "";
}

/** The page's own address on that topic: what someone copies from the address bar to share. */
export function pageOnTopic(url: string, topic: string): string {
  const page = new URL(url);
  if (topic === "") page.searchParams.delete("topic");
  else page.searchParams.set("topic", topic);
  return page.href;
}

/** Where the manager takes this client's WebSocket, beside the page. Without a client id, the manager decides on it. */
export function socketUrl(page: string, clientId: string | undefined): string {
  const url = new URL(clientId === undefined ? "ws" : `ws/${encodeURIComponent(clientId)}`, page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** What the page says when it has joined a topic, or a pattern of topics. */
export function joinedInWords(topic: string): string {
  if (topic === "") return "Joined broadcast, where everyone is";
  if (isPattern(topic)) return `Listening to all topics like ${topic}`;
  return `Joined the topic ${topic}`;
}
