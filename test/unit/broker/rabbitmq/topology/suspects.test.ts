import { expect, test } from "bun:test";
import { Suspects } from "../../../../../src/broker/rabbitmq/topology/suspects.ts";
import { makeFakeClock } from "../../../doubles/fake-clock.ts";
import { FakeQueues } from "../../../doubles/fake-queues.ts";

const clock = makeFakeClock();
const never = () => false;

/** Looks for the queue that refuses messages, after a message was refused. */
async function find(suspects: Suspects, queues: FakeQueues, isOver = never): Promise<string | undefined> {
  const finding = suspects.find(queues.all(), queues, isOver);
  await clock.passUntil(finding, 100);
  return (await finding)?.queue;
}

test("an empty queue that nobody consumes keeps a single question, however often messages are refused", async () => {
  const [suspects, queues] = [new Suspects(), new FakeQueues()];
  queues.set("wsmanager.left", 0, 0);
  for (let refusals = 0; refusals < 5; refusals++) {
    suspects.refusedAgain();
    expect(await find(suspects, queues)).toBeUndefined();
    queues.set("wsmanager.left", queues.tried.length, 0);
  }
  expect(queues.tried).toEqual(["wsmanager.left"]);
});

test("a queue that was empty is asked again when it has filled up, so that it is found when it is full", async () => {
  const [suspects, queues] = [new Suspects(), new FakeQueues()];
  queues.set("wsmanager.left", 0, 0);
  await find(suspects, queues);
  suspects.refusedAgain();
  queues.set("wsmanager.left", 40, 0);
  queues.refusing.add("wsmanager.left");
  expect(await find(suspects, queues)).toBe("wsmanager.left");
});

test("an empty queue that nobody consumes is asked again after all messages were taken, since it may be down by then", async () => {
  const [suspects, queues] = [new Suspects(), new FakeQueues()];
  queues.set("wsmanager.left", 0, 0);
  await find(suspects, queues);
  suspects.clear();
  queues.refusing.add("wsmanager.left");
  expect(await find(suspects, queues)).toBe("wsmanager.left");
});

test("a queue that gives no answer does not keep the others from being asked, and is asked once until it has answered", async () => {
  const [suspects, queues] = [new Suspects(), new FakeQueues()];
  queues.set("wsmanager.stuck", 500, 0);
  queues.set("wsmanager.busy", 5, 1);
  const stuck = Promise.withResolvers<boolean>();
  queues.silent.set("wsmanager.stuck", stuck);
  expect(await find(suspects, queues)).toBeUndefined();
  suspects.refusedAgain();
  expect(await find(suspects, queues)).toBeUndefined();
  expect(queues.tried).toEqual(["wsmanager.stuck", "wsmanager.busy", "wsmanager.busy"]);
  const finding = find(suspects, queues);
  stuck.resolve(true);
  expect(await finding).toBe("wsmanager.stuck");
});

test("what a queue answers after nobody waits for it any more counts for nothing when the next message is refused", async () => {
  const [suspects, queues] = [new Suspects(), new FakeQueues()];
  queues.set("wsmanager.stuck", 500, 0);
  const stuck = Promise.withResolvers<boolean>();
  queues.silent.set("wsmanager.stuck", stuck);
  await find(suspects, queues);
  stuck.resolve(true);
  await stuck.promise;
  queues.silent.clear();
  suspects.refusedAgain();
  expect(await find(suspects, queues)).toBeUndefined();
  expect(queues.tried).toEqual(["wsmanager.stuck", "wsmanager.stuck"]);
});

test("no more queues are asked when nobody waits for room any more", async () => {
  const [suspects, queues] = [new Suspects(), new FakeQueues()];
  queues.set("wsmanager.busy", 5, 1);
  queues.set("wsmanager.left", 3, 0);
  await find(suspects, queues, () => queues.tried.length > 0);
  expect(queues.tried).toEqual(["wsmanager.busy"]);
});
