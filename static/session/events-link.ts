import { closeCodes } from "../../src/wire/close-codes.ts";
import { direct } from "../../src/wire/stomp/destinations.ts";
import { EventReader, type StreamEvent } from "./event-reader.ts";
import type { Link, LinkEvents } from "./link.ts";
import { topicOfDestination } from "./topic.ts";

type Headers = Readonly<Record<string, string>>;

/** A message in the format of `?envelope=json`. */
interface Envelope {
  readonly topic: string;
  readonly id: string;
  readonly headers: Headers;
  readonly body: string;
  readonly encoding?: "base64";
  /** Whether it is for this client alone. */
  readonly direct?: true;
}

/** The close code with which a WebSocket would have ended, by HTTP status. Any other status counts as a lost connection. */
const codes: Readonly<Record<number, number>> = {
  400: closeCodes.stompError.code,
  401: closeCodes.unauthenticated.code,
  403: closeCodes.forbidden.code,
  413: closeCodes.tooLarge.code,
};
const lost = 1006;

/**
 * A link over HTTP, for networks that block WebSockets. It behaves like a STOMP session: one response streams the events of all
 * subscriptions, and each message is a POST, one after the other.
 *
 * @param url the WebSocket's URL
 */
export function openEventsLink(url: string, token: string | undefined, events: LinkEvents): Link {
  return new EventsLink(url, token, events);
}

class EventsLink implements Link {
  readonly #base: URL;
  readonly #clientId: string | undefined;
  readonly #headers: Headers;
  readonly #events: LinkEvents;
  readonly #ended = new AbortController();
  /** Ends the response of the previous topic. */
  #stream: AbortController | undefined;
  #topicId = "";
  #directId = "";
  /** The receipt of the subscription to `/direct`, until it is acknowledged. */
  #directReceipt: string | undefined;
  #isSubscribed = false;
  /** Where in the log it began. */
  #begin: string | undefined;
  #isAfterGap = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(url: string, token: string | undefined, events: LinkEvents) {
    const [, base = "", id] = /^(.*\/)ws(?:\/(.*))?$/.exec(url.replace(/^ws/, "http")) ?? [];
    this.#base = new URL(base);
    this.#clientId = id === undefined ? undefined : decodeURIComponent(id);
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.#events = events;
    // As with a WebSocket, no event comes before the caller has the link.
    setTimeout(() => this.#tell(() => events.connected(this.#clientId)), 0);
  }

  subscribe(id: string, destination: string, headers: Headers): void {
    if (destination === direct) {
      this.#directId = id;
      this.#directReceipt = headers["receipt"];
      if (this.#isSubscribed) this.#acknowledgeDirect();
      return;
    }
    this.#topicId = id;
    this.#stream?.abort();
    this.#stream = new AbortController();
    void this.#listen(topicOfDestination(destination), headers, this.#stream.signal);
  }

  unsubscribe(id: string): void {
    if (id === this.#topicId) this.#stream?.abort();
  }

  send(destination: string, body: string | Uint8Array, { receipt = "", ...headers }: Headers): void {
    const topic = topicOfDestination(destination);
    // Each request waits for the previous one. Otherwise messages might arrive in another order.
    this.#sending = this.#sending.then(() => this.#post(topic, body, receipt, headers));
  }

  close(): void {
    this.#ended.abort();
    this.#stream?.abort();
  }

  async #listen(topic: string, headers: Headers, signal: AbortSignal): Promise<void> {
    const address = this.#address(topic, { envelope: "json", ...placeIn(headers) });
    const tell = (what: () => void) => (signal.aborted ? undefined : this.#tell(what));
    try {
      const accept = { ...this.#headers, accept: "text/event-stream" };
      const response = await fetch(address, { headers: accept, signal, cache: "no-store" });
      if (!response.ok) {
        await this.#refused(response, headers["receipt"], signal);
        return;
      }
      const id = response.headers.get("warren-client");
      if (id !== null) tell(() => this.#events.identified(decodeURIComponent(id)));
      const reader = new EventReader((event) => tell(() => this.#heard(event, headers["receipt"])));
      const decoder = new TextDecoder();
      const body = response.body!.getReader();
      for (let part = await body.read(); !part.done; part = await body.read())
        reader.push(decoder.decode(part.value, { stream: true }));
      tell(() => this.#events.closed(lost, ""));
    } catch {
      tell(() => this.#events.closed(lost, ""));
    }
  }

  #heard({ event, id, data }: StreamEvent, receipt: string | undefined): void {
    if (!this.#isSubscribed || event === "begin") {
      this.#isSubscribed = true;
      this.#begin = id === "" || id === "first" ? undefined : id;
      if (receipt !== undefined) this.#events.receipt(receipt, this.#begin);
      this.#acknowledgeDirect();
    }
    if (event === "begin") return;
    if (event === "gap") {
      this.#isAfterGap = true;
      return;
    }
    if (event === "close") {
      const { code, reason } = JSON.parse(data) as { readonly code: number; readonly reason: string };
      this.#events.closed(code, reason);
      return;
    }
    const envelope = JSON.parse(data) as Envelope;
    const isDirect = envelope.direct === true;
    const gap = this.#isAfterGap && !isDirect ? { "x-stream-gap": "true" } : {};
    if (!isDirect) this.#isAfterGap = false;
    this.#events.message({
      subscription: isDirect ? this.#directId : this.#topicId,
      headers: {
        ...envelope.headers,
        ...gap,
        destination: envelope.topic === "" ? "/broadcast" : `/topic/${envelope.topic}`,
        "message-id": envelope.id,
        ...(id === "" ? {} : { "x-stream-offset": id }),
      },
      body: bytesOf(envelope),
    });
  }

  async #post(topic: string, body: string | Uint8Array, receipt: string, headers: Headers): Promise<void> {
    if (this.#ended.signal.aborted) return;
    const own = Object.entries(headers).map(([name, value]) => [`warren-${name}`, encodeURIComponent(value)]);
    try {
      const response = await fetch(this.#address(topic, {}), {
        method: "POST",
        body: body as BodyInit,
        headers: { ...this.#headers, "content-type": "text/plain", ...Object.fromEntries(own) },
        signal: this.#ended.signal,
      });
      if (response.ok) this.#tell(() => this.#events.receipt(receipt, undefined));
      else await this.#refused(response, receipt, this.#ended.signal);
    } catch {
      this.#tell(() => this.#events.closed(lost, ""));
    }
  }

  /** Ends the connection as a STOMP session would end, so that the page connects again. */
  async #refused(response: Response, receipt: string | undefined, signal: AbortSignal): Promise<void> {
    const code = codes[response.status] ?? lost;
    const { error } = (await response.json().catch(() => ({}))) as { readonly error?: string };
    if (signal.aborted) return;
    // A status that says "not now" is not the message's fault.
    if (code !== lost && error !== undefined) this.#tell(() => this.#events.error(error, receipt));
    this.#tell(() => this.#events.closed(code, error ?? ""));
  }

  #acknowledgeDirect(): void {
    const receipt = this.#directReceipt;
    this.#directReceipt = undefined;
    if (receipt !== undefined) this.#events.receipt(receipt, this.#begin);
  }

  #address(topic: string, parameters: Readonly<Record<string, string>>): URL {
    const address = new URL(`topics/${encodeURIComponent(topic)}`, this.#base);
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    if (this.#clientId !== undefined) address.searchParams.set("client", this.#clientId);
    return address;
  }

  #tell(what: () => void): void {
    if (!this.#ended.signal.aborted) what();
  }
}

/** Where a subscription begins, as a query parameter. */
function placeIn(headers: Headers): Readonly<Record<string, string>> {
  const after = headers["x-stream-after"];
  const from = headers["x-stream-offset"];
  if (after !== undefined) return { after };
  return from === undefined ? {} : { from };
}

function bytesOf({ body, encoding }: Envelope): Uint8Array {
  if (encoding === undefined) return new TextEncoder().encode(body);
  return Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
}
