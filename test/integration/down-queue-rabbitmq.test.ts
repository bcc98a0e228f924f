import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { hasEndedDeadLetters } from "../chaos/dead-letter-worker.ts";
import { type RabbitmqNode, startRabbitmq } from "../support/rabbitmq.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(2 * integrationTimeoutMs);

let node: RabbitmqNode;
beforeEach(async () => {
  // One of its own, since all of its group queues are down.
  node = await startRabbitmq();
});
afterEach(async () => {
  await node.stop();
});

/** What docs/operations.md tells an operator to evaluate. */
function mendOf(chapter: string): string {
  const docs = readFileSync(join(projectFolder, "docs/operations.md"), "utf8");
  const [, expression] =
    /`rabbitmqctl eval '(supervisor:[^`]*)'`/.exec(docs.slice(docs.indexOf(chapter))) ?? [];
  if (expression === undefined) throw new Error(`no command in ${chapter}`);
  return expression;
}

/** As RabbitMQ's own end of it: the process for dead letters is gone, and the queue's, which cannot do without it, gives up. */
async function takeDown(vhost: string, queue: string): Promise<void> {
  await node.eval("supervisor:terminate_child(rabbit_sup, rabbit_fifo_dlx_sup)");
  const kill = `case whereis('${vhost}_${queue}') of undefined -> gone; Pid -> exit(Pid, kill), again end`;
  let goneInARow = 0;
  await until(async () => {
    goneInARow = (await node.eval(kill)) === "gone" ? goneInARow + 1 : 0;
    await Bun.sleep(50);
    // It is started again twice.
    return goneInARow > 10;
  }, "its process to have given up");
}

test("a group's queue that RabbitMQ has and does not serve is told with what mends it, and nothing is lost by it", async () => {
  const url = await node.vhost("v");
  await using manager = await startWarren(["manager", "--broker", url], { readyWhen: "ready" });
  const processorArgs = ["processor", "--broker", url, "--group", "slow"];
  await using before = await startWarren(processorArgs);
  await before.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the group's queue");
  await using anna = await connectStomp(manager.wsUrl("/ws/anna"));
  const answers = await anna.subscribe("/topic/a");
  await anna.sendSafely("/topic/a", "first");
  await until(() => answers.some(({ body }) => body === "processed message: first"), "an answer");
  await before.stop();
  await anna.sendSafely("/topic/a", "kept");

  expect(await hasEndedDeadLetters(node)).toBe(false);
  await takeDown("v", "wsmanager.slow");
  expect(await hasEndedDeadLetters(node)).toBe(true);
  // As after a restart. A channel that was there before waits for the queue: no refusal, and no confirm.
  await node.closeConnections();
  await using processor = await startWarren(processorArgs);
  const mend = "restart RabbitMQ's node (rabbitmqctl stop_app, then start_app)";
  const tells = (text: unknown, what: string) => String(text).includes(what) && String(text).includes(mend);
  const failed = "RabbitMQ failed when it was to serve the queue wsmanager.slow: ";
  await processor.waitForLog(
    ({ level, reason }) => level === "warn" && tells(reason, failed),
    "what is the matter",
  );
  const receipts: string[] = [];
  for (const body of ["second", "third"])
    void anna.sendSafely("/topic/a", body).then(
      () => receipts.push(body),
      () => undefined,
    );
  const readyz = async () => await (await fetch(new URL("/readyz", manager.url))).text();
  const unserved = "RabbitMQ has the queue wsmanager.slow and does not serve it: ";
  await until(async () => tells(await readyz(), unserved), "/readyz to say what is the matter", 60_000);
  expect(receipts).toEqual([]);
  expect(await (await fetch(new URL("/metrics", manager.url))).text()).not.toInclude("warren_queue_full{");

  await node.ctl("eval", mendOf("### A queue that RabbitMQ does not open"));
  await untilCount(() => receipts.length, 2, "the receipts");
  const processed = () =>
    ["kept", "second", "third"].filter((body) =>
      answers.some((answer) => answer.body === `processed message: ${body}`),
    );
  await untilCount(() => processed().length, 3, "what was published before and after");
  await manager.waitUntilReady();
  const served = await manager.waitForLog(({ msg }) => msg === "the queue is served again", "the end of it");
  expect(served["queue"]).toBe("wsmanager.slow");
});
