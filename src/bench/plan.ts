import { UsageError } from "../errors.ts";
import { type Outgoing, PayloadLayout } from "./payload.ts";
import { SendFrame } from "./send-frame.ts";
import { StompHello } from "./stomp-hello.ts";

/** What a run of `--role bench` is told. */
export interface BenchOptions {
  /** The managers, which share the clients. */
  readonly url: readonly string[];
  /** Clients that only receive. */
  readonly clients: number;
  /** Clients that send, and receive too. */
  readonly publishers: number;
  /** Messages a second, over all publishers. */
  readonly rate: number;
  /** The size of a message. In bytes. */
  readonly size: number;
  /** How long it is measured. */
  readonly durationMs: number;
  /** Whether the result is printed as JSON. */
  readonly json: boolean;
  /** What the clients speak. */
  readonly protocol: "text" | "stomp";
  /** Whether every message asks for a receipt. STOMP only. */
  readonly receipts: boolean;
  /** Whether clients subscribe durably. STOMP only. */
  readonly durable: boolean;
  /** How often one client is cut off, to come back and resume. Undefined: never. */
  readonly reconnectEveryMs: number | undefined;
  /** Whether clients whose connection ends come back, with growing pauses. */
  readonly stay: boolean;
}

/** A warm-up fills caches, lets compilers finish and queues settle; longer than this it only wastes the user's time. */
const warmupMsMax = 2000;

/** Two counters of four bytes for each pair of receiver and publisher: 800 MB at this many. */
const pairsMax = 100_000_000;

/** A sequence number is kept in 32 bits. */
const messagesPerPublisherMax = 2 ** 32 - 1;

/**
 * What a run will do, worked out before the first connection is opened.
 *
 * The schedule is fixed: message k of the whole run is due `k * microsPerMessage` after the start, and is number
 * `floor(k / publishers)` of publisher `k % publishers`. So a message's publisher and sequence number say when it
 * was due, and a receiver needs no timestamp inside of it.
 */
export class Plan {
  /** The managers, which share the connections evenly. */
  readonly urls: readonly URL[];
  readonly clients: number;
  readonly publishers: number;
  readonly ratePerSecond: number;
  readonly sizeBytes: number;
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly microsPerMessage: number;
  /** How many messages are due in the whole run, warm-up included. */
  readonly messages: number;
  readonly layout: PayloadLayout;
  /** What a message is on the WebSocket. */
  readonly outgoing: Outgoing;
  /** How clients introduce themselves; undefined with plain text. */
  readonly stomp: StompHello | undefined;
  readonly hasReceipts: boolean;
  /** How often a client is cut off; undefined for never. */
  readonly reconnectEveryMs: number | undefined;
  /** Whether clients come back when their connection ends. */
  readonly stays: boolean;
  /**
   * Whether each publisher is alone: its messages are requests (`?app=NAME`), or it is on a topic of its own (`?topic=NAME.{n}`). Nobody else
   * gets its messages, and their answers come to it alone.
   */
  readonly areAlone: boolean;

  /** Throws a `UsageError` for options that do not fit together, and for a run that is too large to account for. */
  constructor(options: BenchOptions, runId: string) {
    checkTogether(options);
    this.urls = options.url.map((url) => new URL(url));
    this.hasReceipts = options.receipts;
    this.reconnectEveryMs = options.reconnectEveryMs;
    this.stays = options.stay;
    this.areAlone = appOf(this.urls[0]!) !== null || hasOwnTopics(this.urls[0]!);
    this.stomp = options.protocol === "stomp" ? new StompHello(this.urls[0]!, options.durable) : undefined;
    this.clients = options.clients;
    this.publishers = options.publishers;
    this.ratePerSecond = options.rate;
    this.sizeBytes = options.size;
    this.durationMs = options.durationMs;
    this.warmupMs = Math.min(warmupMsMax, Math.round(options.durationMs / 5));
    this.microsPerMessage = 1e6 / options.rate;
    this.messages = Math.ceil((this.totalMs / 1000) * options.rate);
    if (this.connections * this.publishers > pairsMax) {
      throw new UsageError(
        `--clients ${this.clients} with --publishers ${this.publishers}: too many pairs to account for; ask for fewer publishers`,
      );
    }
    const perPublisher = Math.ceil(this.messages / this.publishers);
    if (perPublisher > messagesPerPublisherMax) {
      throw new UsageError(
        `--rate ${this.ratePerSecond}: ${perPublisher} messages for each publisher are too many; ask for more publishers or a shorter --duration`,
      );
    }
    this.layout = new PayloadLayout(runId, this.publishers, perPublisher, this.sizeBytes);
    this.outgoing =
      this.stomp === undefined
        ? this.layout
        : new SendFrame(this.stomp.destination, this.layout, this.hasReceipts);
  }

  /** A STOMP client that subscribes to what it sends gets that too; a plain-text one does not. */
  get publishersHearThemselves(): boolean {
    return this.stomp !== undefined;
  }

  /** Clients that only receive, and publishers. The publishers come first. */
  get connections(): number {
    return this.clients + this.publishers;
  }

  get totalMs(): number {
    return this.warmupMs + this.durationMs;
  }

  /** How many messages are due `elapsedMicros` after the start. */
  dueAfter(elapsedMicros: number): number {
    return Math.min(this.messages, Math.floor(elapsedMicros / this.microsPerMessage) + 1);
  }

  /** How many of the run's first `messages` messages are this publisher's. */
  shareOf(publisher: number, messages: number): number {
    return Math.max(0, Math.ceil((messages - publisher) / this.publishers));
  }
}

function appOf(url: URL): string | null {
  return url.searchParams.get("app");
}

/** What a publisher's number takes the place of, in a topic. */
const numberMark = "{n}";

function topicOf(url: URL): string {
  return url.searchParams.get("topic") ?? "";
}

function hasOwnTopics(url: URL): boolean {
  return topicOf(url).includes(numberMark);
}

/** The address of the connection with this number: with a topic of its own if the topic has `{n}`. */
export function addressed(url: URL, index: number): URL {
  if (!hasOwnTopics(url)) return url;
  const own = new URL(url);
  own.searchParams.set("topic", topicOf(url).replaceAll(numberMark, `${index}`));
  return own;
}

function checkTogether({ url, protocol, receipts, durable, reconnectEveryMs, clients }: BenchOptions): void {
  const urls = url.map((each) => new URL(each));
  const topics = new Set(urls.map(topicOf));
  if (topics.size > 1) throw new UsageError("--url: name the same topic for all managers");
  const apps = new Set(urls.map(appOf));
  if (apps.size > 1) throw new UsageError("--url: name the same app for all managers");
  if (!apps.has(null) && protocol === "stomp")
    throw new UsageError("--url with ?app= needs --protocol text: the bench asks in plain text alone");
  if (!apps.has(null) && clients > 0)
    throw new UsageError("--url with ?app= needs --clients 0: nobody but the publisher hears an answer");
  if (hasOwnTopics(urls[0]!) && protocol === "stomp")
    throw new UsageError("--url with {n} in the topic needs --protocol text");
  if (hasOwnTopics(urls[0]!) && clients > 0)
    throw new UsageError(
      "--url with {n} in the topic needs --clients 0: each publisher is alone on its topic",
    );
  if (protocol === "text" && (receipts || durable || reconnectEveryMs !== undefined))
    throw new UsageError("--receipts, --durable and --reconnect-every need --protocol stomp");
  if (reconnectEveryMs === undefined) return;
  if (!durable)
    throw new UsageError("--reconnect-every needs --durable: other clients miss what comes meanwhile");
  if (clients === 0) throw new UsageError("--reconnect-every needs --clients: publishers are not cut off");
}

/** Eight characters that tell the messages of this run from those of another. */
export function makeRunId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}
