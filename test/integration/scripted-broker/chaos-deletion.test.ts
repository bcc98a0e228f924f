import { expect, setDefaultTimeout, test } from "bun:test";
import type { Loss } from "../../chaos/book.ts";
import { deleteFrom } from "../../chaos/deletion.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

const patienceMs = 10_000;
/** As RabbitMQ 3.10 says it of a queue that it has not opened yet. */
const unopened = {
  replyCode: 404,
  replyText:
    "NOT_FOUND - home node 'rabbit@host' of durable queue 'wsmanager.log' in vhost '/' is down or inaccessible",
};
const inUse = {
  replyCode: 406,
  replyText: "PRECONDITION_FAILED - queue 'wsmanager.log' in vhost '/' in use",
};

/** Refuses to delete queues, each time for the next reason, and then deletes them. */
async function refusing(...reasons: readonly (typeof unopened)[]) {
  const left = [...reasons];
  const askedAt: number[] = [];
  const fake = await FakeAmqp.start((method, peer, channel) => {
    if (method !== "QueueDelete") return undefined;
    askedAt.push(performance.now());
    const reason = left.shift();
    if (reason === undefined) peer.send("QueueDeleteOk", { messageCount: 0 }, channel);
    else peer.send("ChannelClose", { ...reason, classId: 0, methodId: 0 }, channel);
    return "answered";
  });
  return { fake, askedAt };
}

test("a queue that RabbitMQ has not opened yet is deleted when it has, and counts as lost once, from then on", async () => {
  const { fake, askedAt } = await refusing(unopened, unopened);
  await using _ = fake;
  const losses: Loss[] = [];
  await deleteFrom(fake.url, "queue", "wsmanager.log", losses, patienceMs);
  expect(askedAt).toHaveLength(3);
  expect(losses).toHaveLength(1);
  expect(losses[0]!.from).toBeGreaterThan(askedAt[1]!);
  expect(losses[0]!.to).toBeGreaterThan(askedAt[2]!);
});

test("any other refusal ends it, and the queue counts as lost, since it may go later", async () => {
  const { fake, askedAt } = await refusing(inUse);
  await using _ = fake;
  const losses: Loss[] = [];
  const why = await deleteFrom(fake.url, "queue", "wsmanager.log", losses, patienceMs).catch(String);
  expect(why).toContain("in use");
  expect(askedAt).toHaveLength(1);
  expect(losses).toHaveLength(1);
});
