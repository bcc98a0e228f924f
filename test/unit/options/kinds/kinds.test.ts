import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bytes,
  choice,
  type Kind,
  list,
  NotOfThisKind,
  span,
  text,
  toggle,
  whole,
} from "../../../../src/options/kinds/kinds.ts";
import { anyCharacter } from "../../doubles/arbitraries.ts";
import { rounds } from "../../doubles/rounds.ts";

describe("what a kind shows it parses to the same value", () => {
  const shows = <T>(kind: Kind<T>, values: fc.Arbitrary<T>) =>
    fc.assert(
      fc.property(values, (value) => {
        expect(kind.parse(kind.show(value))).toEqual(value);
      }),
      rounds(300),
    );

  test("whole numbers", () => shows(whole("N", 0, 2 ** 40), fc.nat()));
  test("sizes", () =>
    shows(
      bytes(0, 2 ** 50),
      fc.tuple(fc.nat(1023), fc.constantFrom(1, 2 ** 10, 2 ** 20, 2 ** 30)).map(([n, unit]) => n * unit),
    ));
  test("times", () =>
    shows(
      span(0, 2 ** 40),
      fc.tuple(fc.nat(999), fc.constantFrom(1, 1000, 60_000, 3_600_000)).map(([n, unit]) => n * unit),
    ));
  test("switches", () => shows(toggle, fc.boolean()));
  test("choices", () => shows(choice("one", "two"), fc.constantFrom("one", "two")));
  test("lists", () => shows(list("A,B"), fc.array(fc.stringMatching(/^\w+$/), { minLength: 1 })));
});

test("whatever the text is, a kind parses it or says what it expects", () => {
  const kinds: readonly Kind<unknown>[] = [
    whole("N", 1, 10),
    bytes(1, 10),
    span(1, 10),
    toggle,
    choice("a"),
    list("A"),
    text("A"),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.string({ unit: anyCharacter }), (kind, given) => {
      try {
        kind.parse(given);
      } catch (error) {
        expect(error).toBeInstanceOf(NotOfThisKind);
      }
    }),
    rounds(500),
  );
});

describe("limits", () => {
  test("of a number are included", () => {
    const kind = whole("N", 3, 5);
    expect([kind.parse("3"), kind.parse("5")]).toEqual([3, 5]);
    expect(() => kind.parse("2")).toThrow(NotOfThisKind);
    expect(() => kind.parse("6")).toThrow(NotOfThisKind);
  });

  test("of a size are included, in whatever unit", () => {
    const kind = bytes(1024, 2048);
    expect([kind.parse("1KiB"), kind.parse("1024"), kind.parse("2048B")]).toEqual([1024, 1024, 2048]);
    expect(() => kind.parse("1023")).toThrow(NotOfThisKind);
    expect(() => kind.parse("3KiB")).toThrow(NotOfThisKind);
  });

  test("of a time are included, in whatever unit", () => {
    const kind = span(500, 60_000);
    expect([kind.parse("500ms"), kind.parse("0.5"), kind.parse("1m"), kind.parse("60s")]).toEqual([
      500, 500, 60_000, 60_000,
    ]);
    expect(() => kind.parse("499ms")).toThrow(NotOfThisKind);
    expect(() => kind.parse("1.1m")).toThrow(NotOfThisKind);
  });
});

test("every item of a list is checked", () => {
  const checked: string[] = [];
  list("A,B", (item) => checked.push(item)).parse("one, two");
  expect(checked).toEqual(["one", "two"]);
});
