import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Audience } from "../../../../src/gateway/fan-out/audience.ts";
import { Audiences } from "../../../../src/gateway/fan-out/audiences.ts";
import { nowhere } from "../../../../src/gateway/fan-out/routes.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { plain } from "../../../../src/gateway/text/encoding.ts";
import { rounds } from "../../doubles/rounds.ts";

const stomp11 = stompEncoding("1.1");
const stomp12 = stompEncoding("1.2");

const keysOf = (audiences: Audiences, topic: string) =>
  audiences
    .route(topic)
    .flatMap((group) => group.audiences.map(({ key }) => key))
    .sort();

test("clients with the same id and pattern are one audience, and its frames are made once for all patterns", () => {
  const audiences = new Audiences("live");
  const first = audiences.join("a.b", stomp12, "sub-0");
  expect(audiences.join("a.b", stomp12, "sub-0")).toBe(first);
  expect(first.clientCount).toBe(2);
  audiences.join("a.*", stomp12, "sub-0");
  audiences.join("a.*", stomp12, "sub-1");
  audiences.join("a.b", stomp11, "sub-0");
  expect(audiences.route("a.b").map(({ head, audiences: members }) => [head, members.length])).toEqual([
    ["MESSAGE\nsubscription:sub-0\n", 2],
    ["MESSAGE\nsubscription:sub-0\n", 1],
    ["MESSAGE\nsubscription:sub-1\n", 1],
  ]);
});

test("ids and patterns that look alike together are different audiences", () => {
  const audiences = new Audiences("live");
  expect(audiences.join("b:c", stomp12, "a")).not.toBe(audiences.join("c", stomp12, "a:b"));
});

test("routes are remembered, within bounds", () => {
  const audiences = new Audiences("live");
  audiences.join("t.#", stomp12, "s");
  const route = audiences.route("t.0");
  expect(audiences.route("t.0")).toBe(route);
  for (let index = 1; index <= 50_000; index++) audiences.route(`t.${index}`);
  expect(audiences.route("t.0")).not.toBe(route);
});

test("the route of a topic whose clients come and go is made anew without a text for each of its audiences", () => {
  let texts = 0;
  const counting = {
    ...plain,
    get name() {
      texts++;
      return "counting";
    },
    headOf: (id: string) => {
      texts++;
      return id;
    },
  };
  const audiences = new Audiences("live");
  for (let index = 0; index < 1000; index++) audiences.join("a", counting, `${index}`);
  for (let index = 0; index < 3; index++) {
    audiences.leave(audiences.join("a", counting, "more"));
    texts = 0;
    expect(audiences.route("a")).toHaveLength(1000);
    expect(texts).toBe(0);
  }
});

test("a head that all have left is forgotten, and made again for those that come then", () => {
  const audiences = new Audiences("live");
  const first = audiences.join("a", stomp12, "s");
  const second = audiences.join("b", stomp12, "s");
  audiences.leave(first);
  expect(audiences.join("c", stomp12, "s").sharedHead).toBe(second.sharedHead);
  expect(second.sharedHead.count).toBe(2);
});

test("routes follow the current subscriptions, whatever clients join and leave", () => {
  const patterns = fc.constantFrom("", "a", "a.b", "a.*", "#", "*.b");
  const topics = ["", "a", "a.b", "c.b"];
  fc.assert(
    fc.property(fc.array(fc.tuple(patterns, fc.constantFrom("x", "y"), fc.boolean())), (steps) => {
      const audiences = new Audiences("live");
      const members: Audience[] = [];
      for (const [pattern, id, isJoining] of steps) {
        if (isJoining) members.push(audiences.join(pattern, stomp12, id));
        else {
          const [left] = members.splice(0, 1);
          if (left !== undefined) audiences.leave(left);
        }
        const routes = topics.map((topic) => keysOf(audiences, topic));
        const fresh = new Audiences("live");
        for (const { pattern: each, key } of members) fresh.join(each, stomp12, key.split(":")[3]!);
        expect(routes).toEqual(topics.map((topic) => keysOf(fresh, topic)));
      }
      for (const member of members) audiences.leave(member);
      expect(audiences.count).toBe(0);
      expect(audiences.route("a.b")).toBe(nowhere);
    }),
    rounds(300),
  );
});

describe("plain-text clients", () => {
  test("of one name are one audience, which is there as long as it has clients, and counts anew when it comes back", () => {
    const audiences = new Audiences("live");
    const first = audiences.join("a", plain, "");
    expect(audiences.join("a", plain, "")).toBe(first);
    expect(first).toMatchObject({ pattern: "a", head: "", clientCount: 2 });
    audiences.leave(first);
    expect(audiences.route("a")).toMatchObject([{ encoding: plain, audiences: [first] }]);
    audiences.leave(first);
    expect(audiences.route("a")).toBe(nowhere);
    expect(audiences.countOf(plain)).toBe(0);
    expect(audiences.join("a", plain, "").clientCount).toBe(1);
  });

  test("may be on the empty name, and on names that JavaScript knows", () => {
    const audiences = new Audiences("live");
    const broadcast = audiences.join("", plain, "");
    expect(audiences.route("__proto__")).toBe(nowhere);
    const named = audiences.join("constructor", plain, "");
    expect(keysOf(audiences, "")).toEqual([broadcast.key]);
    expect(keysOf(audiences, "constructor")).toEqual([named.key]);
  });

  test("share a topic with subscriptions of other encodings, each in a group of its own", () => {
    const audiences = new Audiences("live");
    audiences.join("a", plain, "");
    audiences.join("a", stomp12, "");
    audiences.join("#", stomp11, "");
    expect(audiences.route("a").map(({ encoding }) => encoding)).toEqual([plain, stomp12, stomp11]);
    expect([plain, stomp11, stomp12].map((encoding) => audiences.countOf(encoding))).toEqual([1, 1, 1]);
  });

  test("are counted correctly whatever clients join and leave, and nothing is left behind", () => {
    const name = fc.constantFrom("", "a", "b", "a.b");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.boolean())), (steps) => {
        const audiences = new Audiences("live");
        const members: Audience[] = [];
        for (const [each, isJoining] of steps) {
          if (isJoining) members.push(audiences.join(each, plain, ""));
          else {
            const place = members.findIndex(({ pattern }) => pattern === each);
            if (place >= 0) audiences.leave(members.splice(place, 1)[0]!);
          }
          const [group] = audiences.route(each);
          const there = members.filter(({ pattern }) => pattern === each).length;
          expect(group?.audiences[0]?.clientCount ?? 0).toBe(there);
        }
        expect(audiences.countOf(plain)).toBe(new Set(members).size);
      }),
      rounds(),
    );
  });
});
