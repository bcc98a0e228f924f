import type { HttpAnswer } from "../../../static/session/closing.ts";
import type { Surroundings } from "../../../static/session/connection.ts";
import type { Link, LinkEvents } from "../../../static/session/link.ts";

type Headers = Readonly<Record<string, string>>;

interface Frame {
  readonly destination: string;
  readonly headers: Headers;
}

/** A link whose manager is the test. */
export class PlayedLink implements Link {
  readonly url: string;
  readonly #events: LinkEvents;
  /** Subscriptions there are, by id, in the order in which they were asked for. */
  readonly subscriptions = new Map<string, Frame>();
  readonly sent: (Frame & { readonly text: string | Uint8Array })[] = [];
  closedByPage = false;

  constructor(url: string, events: LinkEvents) {
    this.url = url;
    this.#events = events;
  }

  subscribe(id: string, destination: string, headers: Headers): void {
    this.subscriptions.set(id, { destination, headers });
  }

  unsubscribe(id: string): void {
    this.subscriptions.delete(id);
  }

  send(destination: string, text: string | Uint8Array, headers: Headers): void {
    this.sent.push({ destination, text, headers });
  }

  close(): void {
    this.closedByPage = true;
  }

  get texts(): readonly (string | Uint8Array)[] {
    return this.sent.map(({ text }) => text);
  }

  /** What was asked of the log for a destination. */
  asked(destination: string): Headers | undefined {
    const frame = this.subscriptions.values().find((each) => each.destination === destination);
    if (frame === undefined) return undefined;
    const { receipt: _, ...asked } = frame.headers;
    return asked;
  }

  /** CONNECTED, and whatever is subscribed to is in force. */
  accept(after?: string): void {
    this.connect();
    this.acknowledgeAll(after);
  }

  connect(clientId?: string): void {
    this.#tell((events) => events.connected(clientId));
  }

  acknowledgeAll(after?: string): void {
    for (const { headers } of [...this.subscriptions.values()]) this.acknowledge(headers["receipt"]!, after);
  }

  acknowledge(receipt: string, after?: string): void {
    this.#tell((events) => events.receipt(receipt, after));
  }

  /** A MESSAGE for whoever subscribed to the destination. */
  say(destination: string, body: string | Uint8Array, headers: Headers = {}): void {
    for (const [subscription, frame] of this.subscriptions) {
      if (frame.destination === destination) this.sayFor(subscription, destination, body, headers);
    }
  }

  sayFor(subscription: string, destination: string, body: string | Uint8Array, headers: Headers = {}): void {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    this.#tell((events) =>
      events.message({ subscription, headers: { destination, ...headers }, body: bytes }),
    );
  }

  refuse(message: string, receipt?: string): void {
    this.#tell((events) => events.error(message, receipt));
  }

  drop(code = 1006, reason = ""): void {
    this.#tell((events) => events.closed(code, reason));
  }

  #tell(tell: (events: LinkEvents) => void): void {
    if (!this.closedByPage) tell(this.#events);
  }
}

/** Time that passes only when told to, dice that always fall the same, and every link that was opened. */
export class PlayedSurroundings implements Surroundings {
  readonly links: PlayedLink[] = [];
  dice = 1;
  #nowMs = 1_000_000;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  get link(): PlayedLink {
    return this.links.at(-1)!;
  }

  open(url: string, events: LinkEvents): PlayedLink {
    const link = new PlayedLink(url, events);
    this.links.push(link);
    return link;
  }

  /** Links that were opened without WebSocket; they are among all. */
  readonly withoutWebSocket: PlayedLink[] = [];

  openWithoutWebSocket(url: string, events: LinkEvents): PlayedLink {
    const link = this.open(url, events);
    this.withoutWebSocket.push(link);
    return link;
  }

  /** What an ordinary request is answered; undefined: nothing. */
  answer: HttpAnswer | undefined;

  ask(): Promise<HttpAnswer | undefined> {
    return Promise.resolve(this.answer);
  }

  now(): number {
    return this.#nowMs;
  }

  random(): number {
    return this.dice;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { run } of due) run();
  }
}
