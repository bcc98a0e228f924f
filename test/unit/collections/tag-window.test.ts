import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TagWindow } from "../../../src/collections/tag-window.ts";
import { rounds } from "../doubles/rounds.ts";

/** The same accounts in the plainest way: a map of what is open, by tag. */
class NaiveWindow {
  open = new Map<number, string>();
  last = 0;

  add(item: string): number {
    this.open.set(++this.last, item);
    return this.last;
  }

  settle(tag: number, multiple: boolean): string[] {
    const tags = [...this.open.keys()].filter((open) => (multiple ? open <= tag : open === tag));
    const items = tags.map((open) => this.open.get(open)!);
    for (const open of tags) this.open.delete(open);
    return items;
  }

  reset(): string[] {
    const items = [...this.open.values()];
    this.open.clear();
    this.last = 0;
    return items;
  }
}

type Step =
  | { readonly do: "add"; readonly count: number }
  | { readonly do: "settle"; readonly tag: number; readonly multiple: boolean }
  | { readonly do: "reset" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("add"), count: fc.integer({ min: 1, max: 9 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("settle"),
      tag: fc.integer({ min: -2, max: 60 }),
      multiple: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset") }) },
) as fc.Arbitrary<Step>;

test("keeps the same accounts as a naive one, whatever is settled in whatever order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const window = new TagWindow<string>();
      const model = new NaiveWindow();
      let made = 0;
      for (const next of steps) {
        if (next.do === "add") {
          for (let i = 0; i < next.count; i++) {
            const item = `item ${++made}`;
            expect(window.add(item)).toBe(model.add(item));
          }
        } else if (next.do === "settle") {
          expect(window.settle(next.tag, next.multiple)).toEqual(model.settle(next.tag, next.multiple));
        } else {
          expect(window.reset()).toEqual(model.reset());
        }
        expect(window.open).toBe(model.open.size);
      }
    }),
    rounds(300),
  );
});

describe("a window of three", () => {
  const three = () => {
    const window = new TagWindow<string>();
    for (const item of ["one", "two", "three"]) window.add(item);
    return window;
  };

  test("numbers from 1", () => {
    expect(three().add("four")).toBe(4);
  });

  test("settles one tag alone, and leaves those before it open", () => {
    const window = three();
    expect(window.settle(2, false)).toEqual(["two"]);
    expect(window.open).toBe(2);
  });

  test("settles with multiple all that are still open up to the tag, in order", () => {
    const window = three();
    window.settle(2, false);
    expect(window.settle(3, true)).toEqual(["one", "three"]);
    expect(window.open).toBe(0);
  });

  test("ignores a tag that was settled before", () => {
    const window = three();
    window.settle(1, false);
    expect(window.settle(1, false)).toEqual([]);
    window.settle(3, false);
    expect(window.settle(3, false)).toEqual([]);
    expect(window.open).toBe(1);
  });

  test.each([0, -1, 4, 1e15])("ignores tag %d, which it never gave", (tag) => {
    const window = three();
    expect(window.settle(tag, false)).toEqual([]);
    expect(window.open).toBe(3);
  });

  test("gives all that is open back on reset, and begins again with tag 1", () => {
    const window = three();
    window.settle(2, false);
    expect(window.reset()).toEqual(["one", "three"]);
    expect(window.open).toBe(0);
    expect(window.add("anew")).toBe(1);
  });

  test("ignores after a reset what is settled late for the time before", () => {
    const window = three();
    window.reset();
    expect(window.settle(3, true)).toEqual([]);
    window.add("anew");
    expect(window.open).toBe(1);
  });
});
