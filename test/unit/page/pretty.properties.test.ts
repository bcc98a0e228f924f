import { expect, test } from "bun:test";
import fc from "fast-check";
import { pretty } from "../../../static/view/pretty.ts";
import { rounds } from "../doubles/rounds.ts";

test("JSON is laid out as JSON.stringify would, whatever is in it", () => {
  fc.assert(
    fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())), (value) => {
      expect(pretty(JSON.stringify(value))).toBe(JSON.stringify(value, undefined, 2));
    }),
    rounds(),
  );
});

test("its values stay as they were written: long numbers, escapes, keys that come twice", () => {
  expect(pretty('{"id":12345678901234567890,"e":1e400,"a":"\\u202e","a":2}')).toBe(
    '{\n  "id": 12345678901234567890,\n  "e": 1e400,\n  "a": "\\u202e",\n  "a": 2\n}',
  );
});

test("nothing but nesting does not become a screen of spaces", () => {
  const nested = "[".repeat(8000) + "]".repeat(8000);
  expect(pretty(nested).length).toBeLessThan(60 * nested.length);
});

test("what is no JSON stays as it is", () => {
  for (const text of ["{1}", "[1,]", "{", "42", '"text"', "", "[1] and more"])
    expect(pretty(text)).toBe(text);
});
