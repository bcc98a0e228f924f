import { afterEach, expect, test } from "bun:test";
import { Slices } from "../../../../src/gateway/clients/slices.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { Waiting } from "../../../../src/gateway/durable/waiting.ts";

const slices: Slices[] = [];
afterEach(() => {
  for (const each of slices.splice(0)) each.close();
});

/** Waiting subscriptions by name, whose clients say when they are written to. */
function table(answers: (name: string) => boolean) {
  const asked: string[] = [];
  const answered = Promise.withResolvers<void>();
  const ours = new Slices();
  slices.push(ours);
  const waiting = new Waiting(
    ours,
    (subscription) => {
      const { subscriptionId } = subscription;
      asked.push(subscriptionId);
      return answers(subscriptionId);
    },
    () => answered.resolve(),
  );
  const client = (name: string) => {
    const socket = {
      cork(send: () => void) {
        asked.push(`${name}(`);
        send();
        asked.push(")");
      },
    };
    const add = (subscriptionId: string) => {
      const subscription = { socket, subscriptionId } as unknown as DurableSubscription;
      waiting.add(subscription);
      return subscription;
    };
    return add;
  };
  return { waiting, client, asked, answered: answered.promise };
}

const leftIn = (waiting: Waiting) => [...waiting.all].map(({ subscriptionId }) => subscriptionId);

test("what the subscriptions of one client are answered is written as one, and those that cannot be answered wait on", async () => {
  const { waiting, client, asked, answered } = table((name) => name !== "a2");
  const [anna, ben] = [client("anna"), client("ben")];
  for (const id of ["a1", "a2", "a3"]) anna(id);
  ben("b1");
  waiting.answerAll();
  expect(asked).toEqual([]);
  waiting.run(Number.POSITIVE_INFINITY);
  await answered;
  expect(asked).toEqual(["anna(", "a1", "a2", "a3", ")", "ben(", "b1", ")"]);
  expect(leftIn(waiting)).toEqual(["a2"]);
});

test("very many are answered in slices, so that the event loop goes on meanwhile", async () => {
  const { waiting, client, answered } = table(() => {
    for (const endMs = performance.now() + 0.05; performance.now() < endMs; );
    return true;
  });
  let ticks = 0;
  const tick = () => {
    ticks++;
    if (waiting.size > 0) setImmediate(tick);
  };
  const anna = client("anna");
  for (let index = 0; index < 400; index++) anna(`${index}`);
  waiting.answerAll();
  setImmediate(tick);
  await answered;
  expect(waiting.size).toBe(0);
  // 400 of them take 20 ms at least, and a slice 2 ms and one of them.
  expect(ticks).toBeGreaterThan(2);
});

test("one whose client goes meanwhile is not answered, and one that comes meanwhile is", async () => {
  const { waiting, client, asked, answered } = table((name) => {
    if (name === "a1") {
      waiting.delete(gone);
      ben("b2");
    }
    return true;
  });
  const [anna, ben] = [client("anna"), client("ben")];
  anna("a1");
  const gone = ben("b1");
  waiting.answerAll();
  await answered;
  expect(asked.filter((name) => /^\w\d$/.test(name))).toEqual(["a1", "b2"]);
  expect(waiting.size).toBe(0);
});

test("when it is stopped nobody is answered, and all wait on", async () => {
  const { waiting, client, asked } = table(() => true);
  client("anna")("a1");
  waiting.answerAll();
  waiting.stop();
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual([]);
  expect(leftIn(waiting)).toEqual(["a1"]);
  waiting.clear();
  expect(waiting.size).toBe(0);
});
