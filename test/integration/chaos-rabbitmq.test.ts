import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "amqplib";
import { deadLetterWorker, hasEndedDeadLetters } from "../chaos/dead-letter-worker.ts";
import { startRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(2 * integrationTimeoutMs);

test("a queue counts as ready to be deleted when its dead-letter worker has registered, and not before", async () => {
  await using cleanup = new AsyncDisposableStack();
  // One of its own: the workers of all queues are asked, and suspended, and those of other tests' queues may have no answer.
  const node = await startRabbitmq();
  cleanup.defer(() => node.stop());
  const url = await node.vhost();
  const connection = await connect(url);
  cleanup.defer(() => connection.close());
  const channel = await connection.createChannel();
  await channel.assertQueue("wsmanager.first", {
    arguments: {
      "x-queue-type": "quorum",
      "x-overflow": "reject-publish",
      "x-dead-letter-exchange": "wsmanager.dead",
      "x-dead-letter-strategy": "at-least-once",
    },
  });
  const name = `rabbit_misc:r(<<"${new URL(url).pathname.slice(1)}">>, queue, <<"wsmanager.first">>)`;
  await deadLetterWorker(node, name, 10_000);
  expect(await hasEndedDeadLetters(node)).toBe(false);
  const workers = async (act: string) =>
    await node.eval(
      `[(catch ${act}(Pid)) || {_, Pid, _, _} <- supervisor:which_children(rabbit_fifo_dlx_sup)]`,
    );
  let isReady = false;
  let ready: Promise<void>;
  try {
    // What has not registered yet answers nothing.
    await workers("erlang:suspend_process");
    ready = deadLetterWorker(node, name, 10_000).then(() => {
      isReady = true;
    });
    ready.catch(() => undefined);
    await Bun.sleep(500);
    expect(isReady).toBe(false);
  } finally {
    await workers("erlang:resume_process");
  }
  await ready;
  await channel.deleteQueue("wsmanager.first");
});
