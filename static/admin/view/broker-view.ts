import { elementOf, textElement } from "../../view/element.ts";
import { numberOf } from "../state/exposition.ts";
import type { Watch } from "../state/watch.ts";
import { inBytes, inShort, inTime } from "../state/words.ts";

/** The facts: a name, the metric, its format, and which values need attention. */
const facts: readonly (readonly [
  string,
  string,
  (value: number) => string,
  ((value: number) => boolean)?,
])[] = [
  [
    "RabbitMQ",
    "warren_broker_connected",
    (value) => (value === 1 ? "connected" : "away"),
    (value) => value !== 1,
  ],
  ["Waiting for RabbitMQ", "warren_outbox_bytes", inBytes],
  ["Sent, not confirmed", "warren_unconfirmed_envelopes", inShort],
  ["Sent again", "warren_envelopes_repeated_total", inShort],
  ["Set aside", "warren_set_aside_total", inShort, (value) => value > 0],
  ["Full queues", "warren_queue_full", inShort, (value) => value > 0],
  ["Delay through the log", "warren_log_lag_seconds", inTime, (value) => value > 1],
  ["Log in memory", "warren_log_memory_bytes", inBytes],
  ["Durable subscriptions", "warren_durable_subscriptions", inShort],
  ["Durable, catching up", "warren_durable_subscriptions_catching_up", inShort],
  ["Durable, reading older parts", "warren_durable_subscriptions_sweeping", inShort],
  ["Durable, waiting for slow clients", "warren_durable_subscriptions_parked", inShort],
  ["Clients held back by their rate", "warren_clients_over_rate", inShort],
  ["Clients held back by the outbox", "warren_clients_held_back", inShort, (value) => value > 0],
  ["Waiting for slow clients", "warren_backlog_bytes", inBytes],
  ["Repeats dropped", "warren_repeats_dropped_total", inShort],
  ["Event loop delay, maximum", "warren_event_loop_lag_max_seconds", inTime, (value) => value > 0.1],
  ["Memory", "process_resident_memory_bytes", inBytes],
];

/** Shows the state of the broker, the log and this process. */
export class BrokerView {
  readonly #watch: Watch;
  readonly #list = elementOf("broker-facts", HTMLElement);

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  draw(): void {
    const { metrics } = this.#watch;
    const entries = facts.flatMap(([name, metric, inWords, isBad = () => false]) => {
      const value = numberOf(metrics, metric);
      if (value === undefined) return [];
      const entry = document.createElement("div");
      entry.className = isBad(value) ? "bad" : "";
      const term = document.createElement("dt");
      term.textContent = name;
      const said = document.createElement("dd");
      said.append(textElement("span", "", inWords(value)));
      entry.append(term, said);
      return [entry];
    });
    this.#list.replaceChildren(...entries);
  }
}
