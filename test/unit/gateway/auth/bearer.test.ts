import { expect, test } from "bun:test";
import { tokenIn } from "../../../../src/gateway/auth/bearer.ts";
import { TokenRefusal } from "../../../../src/gateway/auth/token-refusal.ts";
import { Query } from "../../../../src/query.ts";

const queryOf = (query = "") => new Query(`ws://a/ws${query}`);

test("a token comes in Authorization or in the query", () => {
  expect(tokenIn("Bearer a.b.c", queryOf())).toBe("a.b.c");
  expect(tokenIn("bearer  a.b.c ", queryOf())).toBe("a.b.c");
  expect(tokenIn(null, queryOf("?topic=x&token=a.b.c"))).toBe("a.b.c");
  expect(tokenIn(null, queryOf("?token="))).toBe("");
  expect(tokenIn(null, queryOf())).toBeUndefined();
});

test.each([
  ["Bearer a", "?token=a"],
  [null, "?token=a&token=b"],
  ["Bearer a", "?token=b"],
])("more than one token is refused: %p with %p", (header, query) => {
  expect(tokenIn(header, queryOf(query))).toMatchObject({ kind: "ambiguous" });
});

test.each(["Basic YTpi", "Negotiate", 'Digest username="Bearer"', "a.b.c", "Bearers a"])(
  "an Authorization of another scheme is not ours to judge: %p",
  (header) => {
    expect(tokenIn(header, queryOf("?token=a.b.c"))).toBe("a.b.c");
    expect(tokenIn(header, queryOf())).toBeUndefined();
  },
);

test.each(["Bearer", "Bearer ", "Bearer a b", "Bearer a, Bearer b", "Basic YTpi, Bearer a"])(
  "Authorization that is no token is refused: %p",
  (header) => {
    expect(tokenIn(header, queryOf())).toBeInstanceOf(TokenRefusal);
  },
);
