import { expect, setDefaultTimeout, test } from "bun:test";
import { urlsAlone } from "../../../src/broker/rabbitmq/connection/access.ts";
import { Connections, type Purpose } from "../../../src/broker/rabbitmq/connection/connections.ts";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { Outage } from "../../../src/broker/rabbitmq/connection/outage.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Connections to a peer. Those for one purpose fail for a reason, and all others wait for ever for what they have asked. */
function connectionsTo(fake: FakeAmqp, failing: Purpose, why: string): Connections {
  const logger = new RecordingLogger();
  const connections = new Connections(
    {
      name: "test",
      urls: [fake.url],
      access: urlsAlone,
      timing: { ...defaultTiming, closeTimeoutMs: 100, backoff: { firstMs: 10, mostMs: 50 } },
      logger,
      outage: new Outage(logger, () => 0),
      onFatal: () => undefined,
    },
    () => [],
    () => undefined,
  );
  for (const purpose of ["publishing", "consuming", "events"] as const)
    connections.open(purpose, async () => {
      if (purpose === failing) throw new Error(why);
      await Promise.withResolvers<void>().promise;
    });
  fake.closeFirst({ close: () => connections.close(100, () => Promise.resolve()) });
  return connections;
}

for (const failing of ["publishing", "events"] as const)
  test(`why RabbitMQ is not reached is said when the link for ${failing} is the first to fail, and the others still try`, async () => {
    await using fake = await FakeAmqp.start();
    const why = "NOT_ALLOWED - access to vhost refused";
    const connections = connectionsTo(fake, failing, why);
    expect(whyOf(connections)).toBe("connecting");
    await until(() => whyOf(connections) === why, "the reason is said");
  });

function whyOf(connections: Connections): string | undefined {
  const status = connections.status();
  return status.state === "connecting" ? status.why : undefined;
}
