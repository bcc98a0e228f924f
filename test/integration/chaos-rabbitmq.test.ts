import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "amqplib";
import { deadLetterWorker, hasEndedDeadLetters } from "../chaos/dead-letter-worker.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

test("a queue counts as ready to be deleted when its dead-letter worker has registered, and not before", async () => {
  const node = await sharedRabbitmq();
  const url = await node.vhost();
  const connection = await connect(url);
  await using cleanup = new AsyncDisposableStack();
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
    // They are those of all vhosts.
    await workers("erlang:resume_process");
  }
  await ready;
  await channel.deleteQueue("wsmanager.first");
});
