import { count, duration, latency, size } from "./figures.ts";
import { type Deliveries, isAnythingLost, type Result } from "./result.ts";

/** If more of what was due was not sent, the pace was not kept. */
const unsentShareMax = 0.01;

/** The result for people to read. */
export function renderTable(result: Result): string {
  const { config } = result;
  const columns = (["relayed", "processed", "receipts"] as const).flatMap((name) => {
    const deliveries = result[name];
    return deliveries === null ? [] : [{ name, deliveries }];
  });
  const rows: [string, (deliveries: Deliveries) => string][] = [
    ["expected", (d) => count(d.expected)],
    ["delivered", (d) => count(d.delivered)],
    ["lost", (d) => count(d.lost)],
    ["duplicated", (d) => count(d.duplicated)],
    ["reordered", (d) => count(d.reordered)],
    ["deliveries/s", (d) => count(d.perSecond)],
    ["p50", (d) => shown(d.p50Us)],
    ["p99", (d) => shown(d.p99Us)],
    ["p99.9", (d) => shown(d.p999Us)],
    ["max", (d) => shown(d.maxUs)],
  ];
  const cells = [
    ["", ...columns.map(({ name }) => name)],
    ...rows.map(([name, cell]) => [name, ...columns.map(({ deliveries }) => cell(deliveries))]),
  ];
  return [
    `${config.url}${spoken(config)}: ${count(config.clients)} clients, ${count(config.publishers)} publishers, ` +
      `${size(config.sizeBytes)}, ${count(config.ratePerSecond)} messages/s, ` +
      `${duration(config.warmupMs)} of warm-up, then ${duration(config.durationMs)}`,
    "",
    ...align(cells),
    "",
    ...notes(result),
    "",
  ].join("\n");
}

function notes(result: Result): string[] {
  const { clients } = result;
  const lines = [
    ["sent", `${count(result.sent)}, ${count(result.sentPerSecond)}/s${paceNote(result)}`],
    [
      "connections",
      `${count(clients.connected)} connected, ${count(clients.failed)} failed, ${count(clients.closed)} closed`,
    ],
    ...result.reasons.map(({ reason, count: times }) => ["", `${count(times)} × ${reason}`]),
    ...reconnectNotes(result),
    ...returnNotes(result),
    ["bench's CPU", `${result.cpuSeconds.toFixed(1)} s`],
  ];
  if (result.processed === null) lines.push(["processed", "none: no processor answered"]);
  if (result.foreign > 0)
    lines.push(["foreign", `${count(result.foreign)} messages that are none of this run's`]);
  if (result.endedEarly) lines.push(["ended early", `after ${duration(result.measuredMs)} of measuring`]);
  if (result.drained === "timeout" && isAnythingLost(result))
    lines.push(["drained", "no: answers were still arriving when the bench gave up on them"]);
  if (!result.isExact)
    lines.push(["inexact", "so much was lost that duplicated and reordered are estimates"]);
  const width = Math.max(...lines.map(([name]) => name!.length));
  return lines.map(([name, text]) => `${name!.padEnd(width)}  ${text}`);
}

function spoken({ protocol, durable }: Result["config"]): string {
  if (protocol === "text") return "";
  return durable ? " by STOMP, durable" : " by STOMP";
}

function reconnectNotes({ reconnects }: Result): string[][] {
  if (reconnects === null) return [];
  const { resumed, failed, p50Us, p99Us, maxUs } = reconnects;
  const times = `p50 ${shown(p50Us)}, p99 ${shown(p99Us)}, max ${shown(maxUs)}`;
  return [["cut off", `${count(resumed)} resumed (${times}), ${count(failed)} did not come back`]];
}

function returnNotes({ returns, config }: Result): string[][] {
  if (returns === null) return [];
  const { returned, stillAway, missed, p50Us, p99Us, maxUs } = returns;
  const times = `away p50 ${shown(p50Us)}, p99 ${shown(p99Us)}, max ${shown(maxUs)}`;
  const what = config.durable ? "sent meanwhile and caught up on" : "sent meanwhile, so lost to them";
  return [
    ["came back", `${count(returned)} (${times}), ${count(stillAway)} did not`],
    ["", `${count(missed)} deliveries ${what}`],
  ];
}

function paceNote(result: Result): string {
  // Who aborts before anything is sent has seen no pace.
  if (result.endedEarly && result.sent === 0) return "";
  const unsent = result.due - result.sent;
  if (unsent <= Math.max(1, result.due * unsentShareMax)) return "";
  return `: could not keep the pace of ${count(result.config.ratePerSecond)}/s`;
}

function shown(micros: number | null): string {
  return micros === null ? "-" : latency(micros);
}

/** The first column to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("   ")
      .trimEnd(),
  );
}
