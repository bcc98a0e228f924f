import { expect, setDefaultTimeout, test } from "bun:test";
import type { Exchange, Publisher } from "../../src/broker/broker.ts";
import { MemoryBroker } from "../../src/broker/memory.ts";
import { Manager } from "../../src/manager/manager.ts";
import { MessageTrace } from "../../src/ops/message-trace.ts";
import { connect } from "../support/client.ts";
import { optionsOf, QuietLogger } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

/** A broker that several managers share, and that can leave one of them waiting. */
class SharedBroker extends MemoryBroker {
  /** The managers' outboxes, in the order in which the managers were made. */
  readonly outboxes: Publisher[] = [];

  override attachPublisher(exchange: Exchange, publisher: Publisher): void {
    if (exchange === "wsmanager") this.outboxes.push(publisher);
    super.attachPublisher(exchange, publisher);
  }
}

function managerOn(broker: SharedBroker, id: string) {
  const options = optionsOf("--port", "0", "--log-messages", "off");
  const logger = new QuietLogger();
  const manager = new Manager(id, options, { broker, logger, messageTrace: new MessageTrace(logger, "off") });
  const url = manager.listen();
  return { manager, wsUrl: (path: string) => new URL(path, url).href.replace(/^http/, "ws") };
}

/** Two managers. What the first one publishes is not taken until it is let go. */
function managersOfWhichOneWaits() {
  const broker = new SharedBroker();
  const [slow, other] = [managerOn(broker, "slow"), managerOn(broker, "other")];
  broker.start();
  broker.outboxes[0]!.blocked(true);
  return {
    slow,
    other,
    resumeForClose: () => broker.outboxes[0]!.blocked(false),
    async [Symbol.asyncDispose]() {
      await Promise.all([slow.manager.close(0), other.manager.close(0)]);
      await broker.close();
    },
  };
}

test("what a client publishes at the next manager does not overtake what waits for RabbitMQ at the one that is drained", async () => {
  await using managers = managersOfWhichOneWaits();
  const { slow, other } = managers;
  await using listener = await connect(other.wsUrl("/ws/listener"));
  await using anna = await connect(slow.wsUrl("/ws/anna"));
  anna.send("1");
  await until(() => slow.manager.metrics.some(isTaken), "the first manager to take the message");
  const left = slow.manager.leave(1);
  const goesOn = anna.closed.then(async ({ code }) => {
    expect(code).toBe(1012);
    const again = await connect(other.wsUrl("/ws/anna"));
    again.send("2");
    return again;
  });
  // A client that is disconnected now goes on elsewhere, before the first manager is let go.
  await Promise.race([listener.next((text) => text === "2"), Bun.sleep(300)]);
  managers.resumeForClose();
  await using _ = await goesOn;
  await left;
  await until(() => listener.received.length === 2, "both messages");
  expect(listener.received).toEqual(["1", "2"]);
});

test("a client has the receipts of all that it has sent when a manager that is drained closes it", async () => {
  await using managers = managersOfWhichOneWaits();
  const { slow } = managers;
  await using anna = await connect(slow.wsUrl("/ws/anna"), { protocols: ["v12.stomp"] });
  anna.send("CONNECT\naccept-version:1.2\n\n\0");
  await anna.next((frame) => String(frame).startsWith("CONNECTED"));
  anna.send("SEND\ndestination:/topic/a\nreceipt:1\n\n1\0");
  await until(() => slow.manager.metrics.some(isTaken), "the manager to take the message");
  const left = slow.manager.leave(1);
  await Promise.race([anna.closed, Bun.sleep(100)]);
  managers.resumeForClose();
  expect((await anna.closed).code).toBe(1012);
  await left;
  expect(String(anna.received.at(-1))).toStartWith("RECEIPT\nreceipt-id:1\n");
});

function isTaken(metric: { readonly name: string; readonly read?: unknown }): boolean {
  const read = metric.read as (() => unknown) | undefined;
  return metric.name === "warren_messages_received_total" && read?.() === 1;
}
