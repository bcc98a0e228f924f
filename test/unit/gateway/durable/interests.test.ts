import { expect, test } from "bun:test";
import fc from "fast-check";
import { Interests } from "../../../../src/gateway/durable/interests.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { TopicTrie } from "../../../../src/topics/topic-trie.ts";
import { rounds } from "../../doubles/rounds.ts";

const subscriptionTo = (pattern: string) => ({ pattern, clientId: "client" }) as DurableSubscription;
const patterns = ["a", "a.b", "a.*", "*.b", "#", "a.#", "*.*"];
const topics = ["a", "b", "a.b", "b.b", "a.c", "a.b.c", ""];

function wanting(interests: Interests, topic: string): DurableSubscription[] {
  const found: DurableSubscription[] = [];
  interests.eachOf(topic, (subscription) => found.push(subscription));
  return found;
}

test("a topic finds its current subscriptions, whatever was added or removed since the last time", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("add" as const), pattern: fc.constantFrom(...patterns) }),
    fc.record({ do: fc.constant("remove" as const), who: fc.nat() }),
    fc.record({ do: fc.constant("find" as const), topic: fc.constantFrom(...topics) }),
    // More than are remembered.
    fc.record({ do: fc.constant("find many" as const), count: fc.integer({ min: 1, max: 40_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = new Set<DurableSubscription>();
      const interests = new Interests([]);
      for (const one of steps) {
        if (one.do === "add") {
          const subscription = subscriptionTo(one.pattern);
          all.add(subscription);
          interests.add(subscription);
        } else if (one.do === "remove") {
          const subscription = [...all][one.who % Math.max(1, all.size)];
          if (subscription === undefined) continue;
          all.delete(subscription);
          interests.remove(subscription);
        } else if (one.do === "find many") {
          for (let count = 0; count < one.count; count++) wanting(interests, `many.${count}`);
        } else {
          const trie = new TopicTrie<DurableSubscription>();
          for (const subscription of all) trie.add(subscription.pattern as string, subscription);
          expect(new Set(wanting(interests, one.topic))).toEqual(new Set(trie.match(one.topic)));
          expect(wanting(interests, one.topic)).toHaveLength(trie.match(one.topic).length);
        }
      }
    }),
    rounds(40),
  );
});

test("one that leaves while a topic's are being visited spoils nothing", () => {
  const all = ["a.*", "#", "*.b"].map(subscriptionTo);
  const interests = new Interests(all);
  const visited: DurableSubscription[] = [];
  interests.eachOf("a.b", (subscription) => {
    visited.push(subscription);
    interests.remove(subscription);
  });
  expect(new Set(visited)).toEqual(new Set(all));
  expect(wanting(interests, "a.b")).toEqual([]);
});
