import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { removeAtExit } from "../support/leftovers.ts";
import { need, promtool } from "../support/requirements.ts";
import { run } from "../support/run.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

const file = join(projectFolder, "ops/prometheus/warren.rules.yaml");

interface Rule {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
const { groups } = Bun.YAML.parse(readFileSync(file, "utf8")) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

/** Metrics with their labels besides those of the process, and their values minute by minute, as promtool writes them. */
type Series = Readonly<Record<string, string>>;

interface Story {
  readonly bad: Series;
  readonly good: Series;
  /** What Prometheus says of it. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: string;
}

const own = { job: "warren", instance: "127.0.0.1:9100" };
const { instance } = own;

/** Twenty minutes of each alert: those in which it is told of, and those in which it is not. */
const stories: Readonly<Record<string, Story>> = {
  WarrenIsAway: { bad: { up: "1 0x20" }, good: { up: "1x20" }, labels: own },
  WarrenLostRabbitMQ: {
    bad: { warren_broker_connected: "0x20" },
    good: { warren_broker_connected: "0x10 1x10" },
    labels: own,
  },
  WarrenHoldsClientsBack: {
    bad: { warren_clients_held_back: "3x20" },
    good: { warren_clients_held_back: "0x20" },
    labels: own,
  },
  WarrenQueueFull: {
    bad: { 'warren_queue_full{queue="wsmanager.billing"}': "1x20" },
    good: {},
    labels: { ...own, queue: "wsmanager.billing" },
  },
  // An empty queue fills, too.
  WarrenGroupAbandoned: {
    bad: { 'warren_abandoned_group_messages{group="old"}': "0x20" },
    good: {},
    labels: { group: "old" },
    value: "0",
  },
  WarrenQueueGrows: {
    bad: { warren_queue_messages: "2000+100x20" },
    good: { warren_queue_messages: "5000-100x20" },
    labels: own,
    value: "4000",
  },
  WarrenProcessorBehind: {
    bad: { warren_queue_age_seconds: "90x20", warren_queue_messages: "5x20" },
    // Nothing came after the last one.
    good: { warren_queue_age_seconds: "90x20", warren_queue_messages: "0x20" },
    labels: own,
    value: "90",
  },
  WarrenDeadLetters: {
    bad: { warren_dead_lettered_total: "0x10 1x10" },
    good: { warren_dead_lettered_total: "3x20" },
    labels: own,
  },
  WarrenMessagesSetAside: {
    bad: { 'warren_dead_letters_set_aside_total{reason="size"}': "0x10 1x10" },
    good: { 'warren_set_aside_total{reason="size"}': "1x20" },
    labels: { ...own, reason: "size" },
  },
  WarrenSlowConfirms: {
    bad: {
      'warren_confirm_seconds_bucket{le="1.0"}': "0x20",
      'warren_confirm_seconds_bucket{le="2.5"}': "0+60x20",
      'warren_confirm_seconds_bucket{le="+Inf"}': "0+60x20",
    },
    good: {
      'warren_confirm_seconds_bucket{le="1.0"}': "0+60x20",
      'warren_confirm_seconds_bucket{le="2.5"}': "0+60x20",
      'warren_confirm_seconds_bucket{le="+Inf"}': "0+60x20",
    },
    labels: { instance },
  },
  WarrenBehindTheLog: {
    bad: { warren_log_lag_seconds: "8x20" },
    good: { warren_log_lag_seconds: "0.01x20" },
    labels: own,
    value: "8",
  },
  WarrenEventLoopLate: {
    bad: { warren_event_loop_lag_max_seconds: "0.75x20" },
    good: { warren_event_loop_lag_max_seconds: "0.02x20" },
    labels: own,
    value: "0.75",
  },
  WarrenCutsClientsOff: {
    bad: { 'warren_disconnects_total{cause="slow"}': "0+2x20" },
    good: { 'warren_disconnects_total{cause="lost"}': "0+2x20" },
    labels: { instance, cause: "slow" },
    value: "30",
  },
  WarrenNearlyFull: {
    bad: { warren_clients: "95x20", warren_clients_max: "100x20" },
    good: { warren_clients: "80x20", warren_clients_max: "100x20" },
    labels: own,
  },
};

/** Has promtool play it, which fails if Prometheus would tell anything else. */
async function played(series: Series, alert: string, told: readonly object[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "warren-alerts-"));
  removeAtExit(folder);
  const input = Object.entries(series).map(([metric, values]) => {
    const [name, others = "}"] = metric.split(/\{(.*)/s) as [string, string?];
    const ending = others === "}" ? others : `,${others}`;
    return { series: `${name}{job="${own.job}",instance="${instance}"${ending}`, values };
  });
  const story = {
    interval: "1m",
    input_series: input,
    alert_rule_test: [{ eval_time: "20m", alertname: alert, exp_alerts: told }],
  };
  const path = join(folder, "story.yaml");
  writeFileSync(path, JSON.stringify({ rule_files: [file], evaluation_interval: "1m", tests: [story] }));
  return await run([need(promtool), "test", "rules", path]);
}

describe("an alert is told of when it should be, with what is wrong and where, and else not", () => {
  test("and each has its story", () => {
    expect(rules.map(({ alert }) => alert)).toEqual(Object.keys(stories));
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    "%s",
    async (alert, { labels, annotations }) => {
      const { bad, good, labels: ofSeries, value = "" } = stories[alert]!;
      const summary = annotations.summary
        .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => ofSeries[name]!)
        .replaceAll("{{ $value }}", value);
      const told = { exp_labels: { ...labels, ...ofSeries }, exp_annotations: { summary } };
      expect(await played(bad, alert, [told])).toContain("SUCCESS");
      expect(await played(good, alert, [])).toContain("SUCCESS");
    },
  );
});
