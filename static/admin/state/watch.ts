import type { Answered, Api } from "./api.ts";
import { textsIn } from "./entries.ts";
import { numberOf, type Samples, samplesIn } from "./exposition.ts";
import { whyNot } from "./nothing.ts";
import { quantileBetween } from "./quantile.ts";
import { Rates } from "./rates.ts";
import { managersIn, type SeenManager, type SeenTopic, topicsIn } from "./seen.ts";
import { Series } from "./series.ts";

/** How much time the charts show, in milliseconds. */
export const spanMs = 600_000;

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
  /** Why there is no list of managers, in words; undefined if there is one. */
  whyNoManagers: string | undefined;
  managers: readonly SeenManager[] = [];
  missing: readonly string[] = [];
  /** How many managers answered with something that this page does not know. */
  unknown = 0;
  ratesOf: ReadonlyMap<string, readonly number[]> = new Map();
  topics: readonly SeenTopic[] = [];
  /** Whether these are all topics with subscribers. If not, those of a topic that is not listed are not known. */
  areTopicsAll = false;
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
    this.#takeManagers(managers);
    this.#takeTopics(topics);
    this.#record(atMs);
    const took = (metric: string) =>
      before.size === 0 ? undefined : quantileBetween(before, this.#metrics, metric, 0.99);
    this.confirmed.add(atMs, took("warren_confirm_seconds"));
    this.handedOut.add(atMs, took("warren_log_delivery_seconds"));
    this.handled.add(atMs, took("warren_handler_seconds"));
  }

  #takeManagers(managers: Answered): void {
    this.whyNoManagers = managers.is === "ok" ? undefined : whyNot(managers, "all managers");
    if (managers.is === "ok") {
      const { known, unknown } = managersIn(managers.body["managers"]);
      this.managers = known;
      this.unknown = unknown;
      this.missing = textsIn(managers.body["missing"]);
    } else {
      this.managers = [];
      this.unknown = 0;
      this.missing = [];
    }
  }

  #takeTopics(topics: Answered): void {
    this.areTopicsAll = false;
    if (topics.is !== "ok") return;
    const { known, unknown } = topicsIn(topics.body["topics"]);
    const { others, missing } = topics.body;
    this.topics = known;
    this.areTopicsAll = unknown === 0 && others === undefined && textsIn(missing).length === 0;
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
