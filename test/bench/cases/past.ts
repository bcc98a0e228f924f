import { connect } from "amqplib";
import { metricsOf } from "../../support/metrics-of.ts";
import { startWarren } from "../../support/warren.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { startManagers } from "../systems/managers.ts";

/** What other programs have published in the last two minutes, at about 10,000 messages a second. */
const records = 1_200_000;
const body = Buffer.alloc(64, "x");
/** How many may be unconfirmed. */
const window = 20_000;
const key = "a key of before";

/** The start of a manager whose log has very many recent messages, and the time until it knows their idempotency keys. */
export const past: Case = {
  name: "past",
  what: `a manager's start beside a log with ${records.toLocaleString("en-US")} messages of the last two minutes`,
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(setting, "past", new Map([["warren", () => turn(setting)]]));
    return [
      {
        name: "past",
        title: `A manager that starts beside a log with ${records.toLocaleString("en-US")} young messages`,
        unit: "s",
        series: ["ready", "a key known"].map((figure) => ({
          ...seriesOf(turns, figure)[0]!,
          contender: figure,
        })),
      },
    ];
  },
};

async function turn(setting: Setting) {
  const system = await startManagers(setting.broker, 1);
  try {
    const first = system.each[0]!;
    await post(first.url);
    await fill(system.vhostUrl);
    await setting.broker.calm();
    const startedMs = performance.now();
    const second = await startWarren(["--role", "manager", "--broker", system.vhostUrl]);
    try {
      const seconds = () => (performance.now() - startedMs) / 1000;
      const known = post(second.url).then(seconds);
      await second.waitUntilReady();
      const figures = { ready: seconds(), "a key known": await known };
      const metrics = await metricsOf(new URL(second.url));
      if (metrics["warren_idempotency_repeats_total"] !== 1) throw new Error("the key was not known");
      return figures;
    } finally {
      second.signal("SIGKILL");
      await second.exited;
    }
  } finally {
    await system.stop();
  }
}

/** Resolves when it is confirmed, or known to be a repeat. */
async function post(base: string): Promise<void> {
  const response = await fetch(new URL("/topics/orders?wait=60s", base), {
    method: "POST",
    body: "an order",
    headers: { "idempotency-key": key },
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
}

/** Publishes like any AMQP program. */
async function fill(brokerUrl: string): Promise<void> {
  const connection = await connect(brokerUrl, { noDelay: true });
  try {
    const channel = await connection.createConfirmChannel();
    for (let left = records; left > 0; left -= window) {
      for (let count = Math.min(left, window); count > 0; count--)
        channel.publish("wsmanager", "sensors", body, { contentType: "text/plain" });
      await channel.waitForConfirms();
    }
  } finally {
    await connection.close();
  }
}
