import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Query } from "../../src/query.ts";
import { rounds } from "./doubles/rounds.ts";

const unit = fc.constantFrom("a", "b", " ", "%", "&", "=", "?", "#", "+", "é", "🐇", "\u0000");
const text = fc.string({ unit, maxLength: 6 });

describe("a query", () => {
  test("is read as the URL standard has it", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name }), (pairs) => {
        const query = new Query(`http://host/path?${new URLSearchParams(pairs)}`);
        expect(query.fault).toBeUndefined();
        for (const [name, value] of pairs)
          expect([query.get(name), query.has(name), query.all(name)]).toEqual([value, true, [value]]);
      }),
      rounds(),
    );
  });

  test.each([
    ["/path", undefined],
    ["/path?", undefined],
    ["/path?a", ""],
    ["/path?a=", ""],
    ["/path?b=1&a=2", "2"],
    ["/path?&&a=1=2&", "1=2"],
    ["/path?a=1#?a=2", "1"],
    ["/path#?a=1", undefined],
    ["/path?%61=1", "1"],
  ])("%s has the parameter a: %p", (url, value) => {
    const query = new Query(`http://host${url}`);
    expect([query.get("a"), query.has("a"), query.fault]).toEqual([value, value !== undefined, undefined]);
  });

  test("that has a parameter twice is a fault that names it, however it is written, except for tokens", () => {
    for (const query of ["?a=1&a=1", "?b=1&a=1&c&a=2", "?a&%61"])
      expect(new Query(query).fault).toStartWith("a stands twice in the query");
    const tokens = new Query("?token=1&token=2");
    expect([tokens.fault, tokens.all("token")]).toEqual([undefined, ["1", "2"]]);
  });

  test("that has thousands of parameters is a fault, and only the first of them are compared with one another", () => {
    const parameters = (count: number) =>
      `?${Array.from({ length: count }, (_, index) => `p${index}`).join("&")}`;
    expect(new Query(parameters(64)).fault).toBeUndefined();
    const query = new Query(parameters(4000));
    expect([query.fault, query.has("p63"), query.has("p64")]).toEqual([
      "the query has more than 64 parameters",
      true,
      false,
    ]);
  });

  test.each(["?a=100%", "?a=%zz", "?a=%ff", "?%e9=1", "?a=%ed%a0%80"])(
    "that is not percent-encoded UTF-8 is a fault: %s",
    (query) => {
      expect(new Query(query).fault).toStartWith("the query is not percent-encoded UTF-8");
    },
  );
});
