import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Audience, Audiences, nowhere } from "../../../../src/gateway/fan-out/audiences.ts";
import { seeded } from "../../doubles/seeded.ts";

const keysOf = (audiences: Audiences, topic: string) =>
  audiences
    .route(topic)
    .flatMap((group) => group.audiences.map(({ key }) => key))
    .sort();

test("clients with the same id and pattern are one audience, and its frames are made once for all patterns", () => {
  const audiences = new Audiences();
  const first = audiences.join("a.b", "sub-0", "1.2");
  expect(audiences.join("a.b", "sub-0", "1.2")).toBe(first);
  expect(first.clientCount).toBe(2);
  audiences.join("a.*", "sub-0", "1.2");
  audiences.join("a.*", "sub-1", "1.2");
  audiences.join("a.b", "sub-0", "1.1");
  expect(audiences.route("a.b").map(({ head, audiences: members }) => [head, members.length])).toEqual([
    ["MESSAGE\nsubscription:sub-0\n", 2],
    ["MESSAGE\nsubscription:sub-0\n", 1],
    ["MESSAGE\nsubscription:sub-1\n", 1],
  ]);
});

test("ids and patterns that look alike together are different audiences", () => {
  const audiences = new Audiences();
  expect(audiences.join("b:c", "a", "1.2")).not.toBe(audiences.join("c", "a:b", "1.2"));
});

test("routes are remembered, within bounds", () => {
  const audiences = new Audiences();
  audiences.join("t.#", "s", "1.2");
  const route = audiences.route("t.0");
  expect(audiences.route("t.0")).toBe(route);
  for (let index = 1; index <= 50_000; index++) audiences.route(`t.${index}`);
  expect(audiences.route("t.0")).not.toBe(route);
});

test("whoever comes and goes, routes are those of the subscriptions there are", () => {
  const patterns = fc.constantFrom("", "a", "a.b", "a.*", "#", "*.b");
  const topics = ["", "a", "a.b", "c.b"];
  fc.assert(
    fc.property(fc.array(fc.tuple(patterns, fc.constantFrom("x", "y"), fc.boolean())), (steps) => {
      const audiences = new Audiences();
      const members: Audience[] = [];
      for (const [pattern, id, isJoining] of steps) {
        const before = audiences.generation;
        const routesBefore = topics.map((topic) => keysOf(audiences, topic));
        if (isJoining) members.push(audiences.join(pattern, id, "1.2"));
        else {
          const [left] = members.splice(0, 1);
          if (left !== undefined) audiences.leave(left);
        }
        // What would be remembered by generation is right too.
        const routes = topics.map((topic) => keysOf(audiences, topic));
        if (audiences.generation === before) expect(routes).toEqual(routesBefore);
        const fresh = new Audiences();
        for (const { pattern: each, key } of members) fresh.join(each, key.split(":")[3]!, "1.2");
        expect(routes).toEqual(topics.map((topic) => keysOf(fresh, topic)));
      }
      for (const member of members) audiences.leave(member);
      expect(audiences.count).toBe(0);
      expect(audiences.route("a.b")).toBe(nowhere);
    }),
    { ...seeded, numRuns: 300 },
  );
});
