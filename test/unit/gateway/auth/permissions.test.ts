import { expect, test } from "bun:test";
import { GrantedPermissions } from "../../../../src/gateway/auth/permissions.ts";
import { RightsClaim } from "../../../../src/gateway/auth/rights-claim.ts";

test("what patterns allow to publish is what they match", () => {
  const { mayPublish } = bound(new GrantedPermissions(["colour.*", "news"], []));
  expect(["colour.red", "news", "colour.red"].map(mayPublish)).toEqual([true, true, true]);
  expect(["colour", "colour.red.dark", "new", "", "colour.red.dark"].map(mayPublish)).toEqual(
    Array(5).fill(false),
  );
});

test("what may be asked is what the claim's app matches, and nothing where there is none", () => {
  const read = (claim: unknown) => new RightsClaim("warren").read({ warren: claim });
  const asking = read({ app: ["prices", "orders.#"] }) as GrantedPermissions;
  expect(["prices", "orders.new", "price", ""].map((topic) => asking.mayAsk(topic))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  const publishing = read({ publish: ["#"] }) as GrantedPermissions;
  expect(publishing.mayAsk("prices")).toBe(false);
  expect(read({ app: "prices" })).toInclude("has in publish, subscribe and app lists");
});

test("# allows everything, broadcast among it, and nothing allows nothing", () => {
  const all = new GrantedPermissions(["#"], ["#"]);
  expect([all.mayPublish(""), all.mayPublish("a.b"), all.maySubscribe("#"), all.maySubscribe("")]).toEqual(
    Array(4).fill(true),
  );
  const none = new GrantedPermissions([], []);
  expect([none.mayPublish(""), none.mayPublish("a"), none.maySubscribe(""), none.maySubscribe("a")]).toEqual(
    Array(4).fill(false),
  );
});

test("a subscription is allowed if one of the patterns covers it", () => {
  const permissions = new GrantedPermissions([], ["colour.*", "news.#", ""]);
  const maySubscribe = (pattern: string) => permissions.maySubscribe(pattern);
  expect(["colour.red", "colour.*", "news", "news.*.today", ""].map(maySubscribe)).toEqual(
    Array(5).fill(true),
  );
  expect(["#", "colour.#", "*", "*.red"].map(maySubscribe)).toEqual(Array(4).fill(false));
});

test("as many rooms as a token may name and a client may be in cost next to nothing to compare", () => {
  const rooms = Array.from({ length: 100 }, (_, index) => `rooms.${index}.#`);
  const permissions = new GrantedPermissions([], rooms);
  const budget = { steps: 500 };
  for (let index = 0; index < 100; index++)
    expect(permissions.maySubscribe(`rooms.${index}.*`, budget)).toBe(true);
  expect(permissions.maySubscribe("rooms.100.*", budget)).toBe(false);
  expect(budget.steps).toBeGreaterThan(0);
});

test("answers stay right over more topics than are remembered", () => {
  const { mayPublish } = bound(new GrantedPermissions(["colour.*"], []));
  for (let round = 0; round < 2; round++) {
    for (let topic = 0; topic < 500; topic++) {
      expect([mayPublish(`colour.${topic}`), mayPublish(`shade.${topic}`)]).toEqual([true, false]);
    }
  }
});

test("a claim that is not there, or names nothing, gives no right", () => {
  for (const claims of [{}, { warren: {} }, { warren: { publish: [] } }, { warren: { subscribe: [] } }]) {
    const rights = new RightsClaim("warren").read(claims);
    expect(typeof rights === "string" || rights.mayPublish("") || rights.maySubscribe("")).toBe(false);
    expect(rights).toHaveProperty("note", "warren" in claims ? "" : ': it has no claim "warren"');
  }
});

test.each([
  null,
  "publish",
  "[]",
  '{"publish":"#"}',
  ["#"],
  { publish: "#" },
  { subscribe: [1] },
  { publish: ["a\nb"] },
  { publish: ["x".repeat(256)] },
  { subscribe: ["#.a.".repeat(17)] },
  { publish: Array(101).fill("a") },
])("a claim that is malformed is refused: %j", (claim) => {
  expect(new RightsClaim("warren").read({ warren: claim })).toBeString();
});

test.each([
  ["realm_access.warren", { realm_access: { warren: { publish: ["#"] } } }],
  ["a.b.c", { a: { b: { c: '{"publish":["#"]}' } } }],
  ["a.b.c", { "a.b": { c: { publish: ["#"] } } }],
  ["a.b.c", { a: { "b.c": { publish: ["#"] } } }],
  ["https://app.example.org/warren", { "https://app.example.org/warren": { publish: ["#"] } }],
  ["https://app.example.org/w.x", { "https://app.example.org/w": { x: { publish: ["#"] } } }],
])("a claim is found by the way to it: %s in %j", (name, claims) => {
  const rights = new RightsClaim(name).read(claims);
  expect(typeof rights === "string" ? rights : rights.mayPublish("anything")).toBe(true);
});

test.each([
  ["__proto__.x", {}],
  ["constructor.name", {}],
  ["a.length", { a: "text" }],
  ["a.0", { a: [{ publish: ["#"] }] }],
  ["a.b", { a: null }],
  [".", { "": {} }],
])("what an object merely inherits, and what is none, is no claim: %s in %j", (name, claims) => {
  expect(new RightsClaim(name).read(claims)).toMatchObject({ note: `: it has no claim "${name}"` });
});

test("clients with the same rights share them", () => {
  const claims = new RightsClaim("warren");
  const read = (warren: object) => claims.read({ warren });
  const same = () => read({ publish: ["a.*"], subscribe: ["#"] });
  expect(same()).toBe(same());
  expect(read({ publish: ["a.*", "b"], subscribe: ["#"] })).not.toBe(same());
  // A separator in a name makes no two claims the same.
  expect(read({ publish: ['a","b'] })).not.toBe(read({ publish: ["a", "b"] }));
});

function bound(permissions: GrantedPermissions) {
  return {
    mayPublish: (topic: string) => permissions.mayPublish(topic),
    maySubscribe: (pattern: string) => permissions.maySubscribe(pattern),
  };
}
