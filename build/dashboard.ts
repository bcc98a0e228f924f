/**
 * Grafana's dashboard, `ops/grafana/warren.json`, from a table: `bun run docs` writes it. Each query is of a metric that there is, which a
 * test looks at.
 */

/** One curve of a panel. */
interface Query {
  readonly expr: string;
  /** The legend, with `{{label}}` for a label. */
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  readonly unit: "short" | "s" | "bytes" | "Bps" | "reqps" | "percentunit";
  readonly queries: readonly Query[];
}

const selected = 'job=~"$job",instance=~"$instance"';
const rate = (metric: string, by = "instance") =>
  `sum by (${by}) (rate(${metric}{${selected}}[$__rate_interval]))`;
const gauge = (metric: string) => `${metric}{${selected}}`;
const quantiles = (metric: string): readonly Query[] =>
  [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${metric}_bucket{${selected}}[$__rate_interval])))`,
    legend: `p${100 * quantile}`,
  }));
const each = (expr: string, legend = "{{instance}}"): readonly Query[] => [{ expr, legend }];

const rows: Readonly<Record<string, readonly Panel[]>> = {
  "At a glance": [
    { title: "Clients", unit: "short", queries: each(gauge("warren_clients")) },
    {
      title: "Messages a second",
      unit: "reqps",
      queries: [
        { expr: rate("warren_messages_received_total", "job"), legend: "from clients" },
        { expr: rate("warren_deliveries_total", "job"), legend: "to clients" },
        { expr: rate("warren_handled_total", "job"), legend: "handled" },
      ],
    },
    { title: "RabbitMQ connected", unit: "short", queries: each(gauge("warren_broker_connected")) },
  ],
  "How long things take": [
    { title: "Published until confirmed", unit: "s", queries: quantiles("warren_confirm_seconds") },
    { title: "Through RabbitMQ's log and back", unit: "s", queries: each(gauge("warren_log_lag_seconds")) },
    {
      title: "From the log to clients' sockets",
      unit: "s",
      queries: quantiles("warren_log_delivery_seconds"),
    },
    { title: "A client's request until its answer", unit: "s", queries: quantiles("warren_request_seconds") },
    { title: "Event loop late by", unit: "s", queries: quantiles("warren_event_loop_lag_seconds") },
  ],
  Clients: [
    {
      title: "Connections that ended, by cause",
      unit: "reqps",
      queries: each(rate("warren_disconnects_total", "cause"), "{{cause}}"),
    },
    {
      title: "Handshakes refused, by reason",
      unit: "reqps",
      queries: each(rate("warren_refused_total", "reason"), "{{reason}}"),
    },
    { title: "Connects", unit: "reqps", queries: each(rate("warren_connects_total")) },
    {
      title: "Bytes",
      unit: "Bps",
      queries: [
        { expr: rate("warren_received_bytes_total", "job"), legend: "in" },
        { expr: rate("warren_sent_bytes_total", "job"), legend: "out" },
      ],
    },
    {
      title: "Waits for slow readers",
      unit: "bytes",
      queries: each(gauge("warren_backlog_bytes")),
    },
    {
      title: "Busiest topics, in the last minutes",
      unit: "short",
      queries: each(`topk(10, sum by (topic) (${gauge("warren_busiest_topics_messages")}))`, "{{topic}}"),
    },
  ],
  RabbitMQ: [
    { title: "Waits in outboxes", unit: "bytes", queries: each(gauge("warren_outbox_bytes")) },
    { title: "Clients held back", unit: "short", queries: each(gauge("warren_clients_held_back")) },
    { title: "Full queues", unit: "short", queries: each(gauge("warren_queue_full"), "{{queue}}") },
    {
      title: "Messages set aside",
      unit: "reqps",
      queries: each(rate("warren_set_aside_total", "reason"), "{{reason}}"),
    },
  ],
  Processors: [
    {
      title: "Handled, by outcome",
      unit: "reqps",
      queries: each(rate("warren_handled_total", "outcome"), "{{outcome}}"),
    },
    { title: "Handler", unit: "s", queries: quantiles("warren_handler_seconds") },
    { title: "Delivered until answered", unit: "s", queries: quantiles("warren_answer_seconds") },
    { title: "Messages in the group's queue", unit: "short", queries: each(gauge("warren_queue_messages")) },
    { title: "Age of what is delivered", unit: "s", queries: each(gauge("warren_queue_age_seconds")) },
    {
      title: "Retries and dead letters",
      unit: "reqps",
      queries: [
        { expr: rate("warren_handler_retries_total", "job"), legend: "retries" },
        { expr: rate("warren_dead_lettered_total", "job"), legend: "dead letters" },
      ],
    },
  ],
  Processes: [
    { title: "Memory", unit: "bytes", queries: each(gauge("process_resident_memory_bytes")) },
    { title: "CPU", unit: "percentunit", queries: each(rate("process_cpu_seconds_total")) },
    {
      title: "Versions",
      unit: "short",
      queries: each(gauge("warren_build_info"), "{{instance}}: {{version}} ({{role}})"),
    },
  ],
};

const columns = 3;
const [panelWidth, panelHeight] = [24 / columns, 8];

/** The dashboard as Grafana imports it. */
export function dashboard(): string {
  const panels: unknown[] = [];
  let id = 0;
  let y = 0;
  for (const [title, inRow] of Object.entries(rows)) {
    panels.push({
      id: ++id,
      type: "row",
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: y++, w: 24, h: 1 },
    });
    for (const [index, panel] of inRow.entries()) {
      const place = { x: (index % columns) * panelWidth, y: y + Math.floor(index / columns) * panelHeight };
      panels.push(timeSeries(++id, panel, { ...place, w: panelWidth, h: panelHeight }));
    }
    y += Math.ceil(inRow.length / columns) * panelHeight;
  }
  const variable = (name: string, query: string) => ({
    name,
    label: name,
    type: "query",
    datasource,
    query: { query, refId: name },
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { text: "All", value: "$__all" },
  });
  const whole = {
    uid: "warren",
    title: "Warren",
    tags: ["warren"],
    schemaVersion: 39,
    editable: true,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        { name: "datasource", label: "data source", type: "datasource", query: "prometheus", current: {} },
        variable("job", "label_values(warren_build_info, job)"),
        variable("instance", 'label_values(warren_build_info{job=~"$job"}, instance)'),
      ],
    },
    panels,
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

const datasource = { type: "prometheus", uid: "$datasource" };

function timeSeries(id: number, { title, unit, queries }: Panel, gridPos: object): object {
  return {
    id,
    type: "timeseries",
    title,
    datasource,
    gridPos,
    fieldConfig: {
      defaults: { unit, min: 0, custom: { fillOpacity: 10, showPoints: "never" } },
      overrides: [],
    },
    options: {
      legend: { displayMode: "list", placement: "bottom" },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}
