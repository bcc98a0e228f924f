import type { Api } from "./api.ts";
import { numberOf, type Samples, samplesIn } from "./exposition.ts";
import { quantileBetween } from "./quantile.ts";
import { Rates } from "./rates.ts";
import { Series } from "./series.ts";

/** How much time the charts show, in milliseconds. */
export const spanMs = 600_000;

/** A manager, as `/api/managers` describes it. */
export interface SeenManager {
  /** The manager's name. */
  readonly manager: string;
  /** Its version of Warren. */
  readonly version: string;
  /** Whether its `/readyz` says that it is ready. */
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly why?: string;
  /** Clients that are connected to it. */
  readonly clients: number;
  /** Messages that its clients have sent, since it started. */
  readonly messages: number;
  /** Messages that were sent to its clients, each copy counted. */
  readonly deliveries: number;
  /** What waits in its outbox, in bytes. */
  readonly waitingBytes: number;
  /** How long it has run, in seconds. */
  readonly uptimeSeconds: number;
}

/** The managers' current state, and their figures of the last ten minutes. */
export class Watch {
  readonly #api: Api;
  readonly #rates = new Rates();
  #metrics: Samples = new Map();
  /** Undefined until the first answer. */
  readiness: { readonly ready: boolean; readonly why?: string } | undefined;
  isReached = false;
  /** The control API's last answer: data, that it needs a token, or that it is absent. */
  api: "open" | "locked" | "absent" = "open";
  managers: readonly SeenManager[] = [];
  missing: readonly string[] = [];
  ratesOf: ReadonlyMap<string, readonly number[]> = new Map();
  topics: readonly { readonly topic: string; readonly subscribers: number }[] = [];
  readonly sent = new Series(spanMs);
  readonly delivered = new Series(spanMs);
  readonly clients = new Series(spanMs);
  readonly confirmed = new Series(spanMs);
  readonly handedOut = new Series(spanMs);
  readonly handled = new Series(spanMs);

  constructor(api: Api) {
    this.#api = api;
  }

  /** The metrics of this manager. */
  get metrics(): Samples {
    return this.#metrics;
  }

  /** Asks again, unless it is still waiting for an answer. */
  async look(nowMs: () => number): Promise<void> {
    const [text, readiness, managers, topics] = await Promise.all([
      this.#api.metrics(),
      this.#api.readiness(),
      this.#api.ask("/api/managers"),
      this.#api.ask("/api/topics"),
    ]);
    const atMs = nowMs();
    this.isReached = text !== undefined;
    this.readiness = readiness;
    this.api = managers.is === "locked" || managers.is === "absent" ? managers.is : "open";
    const before = this.#metrics;
    if (text !== undefined) this.#metrics = samplesIn(text);
    if (managers.is === "ok") {
      this.managers = managers.body["managers"] as readonly SeenManager[];
      this.missing = managers.body["missing"] as readonly string[];
    } else this.managers = [];
    if (topics.is === "ok")
      this.topics = topics.body["topics"] as readonly { topic: string; subscribers: number }[];
    this.#record(atMs);
    const took = (metric: string) =>
      before.size === 0 ? undefined : quantileBetween(before, this.#metrics, metric, 0.99);
    this.confirmed.add(atMs, took("warren_confirm_seconds"));
    this.handedOut.add(atMs, took("warren_log_delivery_seconds"));
    this.handled.add(atMs, took("warren_handler_seconds"));
  }

  /** All managers, or only this one without access to the control API. */
  #record(atMs: number): void {
    const own = (name: string) => numberOf(this.#metrics, name) ?? 0;
    const counts = new Map(
      this.managers.map(({ manager, messages, deliveries }) => [manager, [messages, deliveries]] as const),
    );
    if (counts.size === 0 && this.isReached)
      counts.set("this", [own("warren_messages_received_total"), own("warren_deliveries_total")]);
    this.ratesOf = this.#rates.of(counts, atMs);
    const sum = (index: number) =>
      this.ratesOf.size === 0
        ? undefined
        : [...this.ratesOf.values()].reduce((total, rates) => total + rates[index]!, 0);
    this.sent.add(atMs, sum(0));
    this.delivered.add(atMs, sum(1));
    const clients =
      this.managers.length > 0
        ? this.managers.reduce((total, each) => total + each.clients, 0)
        : own("warren_clients");
    this.clients.add(atMs, this.isReached ? clients : undefined);
  }
}
