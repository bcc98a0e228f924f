import { expect, test } from "bun:test";
import fc from "fast-check";
import { Topics } from "../../../../src/gateway/text/topics.ts";
import { seeded } from "../../doubles/seeded.ts";

test("clients of one name are on the same topic", () => {
  const topics = new Topics();
  const first = topics.join("a");
  expect(topics.join("a")).toBe(first);
  expect(first).toMatchObject({ name: "a", clientCount: 2 });
  expect(topics.find("a")).toBe(first);
});

test("the empty name is a topic like others", () => {
  const topics = new Topics();
  const broadcast = topics.join("");
  expect(topics.find("")).toBe(broadcast);
  expect(broadcast.key).not.toBe(topics.join("a").key);
});

test("a topic is there as long as it has clients, and counts anew when it comes back", () => {
  const topics = new Topics();
  const topic = topics.join("a");
  topics.join("a");
  topics.leave(topic);
  expect(topics.find("a")).toBe(topic);
  topics.leave(topic);
  expect(topics.find("a")).toBeUndefined();
  expect(topics.count).toBe(0);
  expect(topics.join("a").clientCount).toBe(1);
});

test("names that JavaScript knows are names like others", () => {
  const topics = new Topics();
  expect(topics.find("__proto__")).toBeUndefined();
  topics.join("constructor");
  expect(topics.find("constructor")?.clientCount).toBe(1);
});

test("counts are right whoever joins and leaves, and nothing is left behind", () => {
  const name = fc.constantFrom("", "a", "b", "a.b");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.boolean())), (steps) => {
      const topics = new Topics();
      const members: string[] = [];
      for (const [each, isJoining] of steps) {
        if (isJoining) {
          topics.join(each);
          members.push(each);
        } else if (members.includes(each)) {
          topics.leave(topics.find(each)!);
          members.splice(members.indexOf(each), 1);
        }
        expect(topics.find(each)?.clientCount ?? 0).toBe(members.filter((member) => member === each).length);
      }
      expect(topics.count).toBe(new Set(members).size);
    }),
    seeded,
  );
});
