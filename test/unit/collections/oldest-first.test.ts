import { expect, test } from "bun:test";
import fc from "fast-check";
import { OldestFirst } from "../../../src/collections/oldest-first.ts";
import { rounds } from "../doubles/rounds.ts";

const keys = Array.from({ length: 9 }, (_, at) => `${at}`);
const key = fc.constantFrom(...keys);
const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), key }),
  fc.record({ do: fc.constant("delete" as const), key }),
  fc.record({ do: fc.constant("delete the oldest" as const), key }),
  fc.record({ do: fc.constant("clear" as const), key }),
);

test("it has what a Map has whose keys are deleted before they are set again, and the same oldest entry", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const model = new Map<string, number>();
      const tried = new OldestFirst<number>();
      for (const [value, each] of steps.entries()) {
        if (each.do === "set") {
          model.delete(each.key);
          model.set(each.key, value);
          tried.set(each.key, value);
        } else if (each.do === "clear") {
          model.clear();
          tried.clear();
        } else {
          const deleted = each.do === "delete" ? each.key : (model.keys().next().value ?? each.key);
          expect(tried.delete(deleted)).toBe(model.delete(deleted));
        }
        const [oldest] = model;
        const { oldest: found } = tried;
        expect(found && [found.key, found.value]).toEqual(oldest);
        expect(tried.size).toBe(model.size);
        expect([...tried.keys()].toSorted()).toEqual([...model.keys()].toSorted());
        for (const asked of keys) {
          expect(tried.get(asked)).toBe(model.get(asked));
          expect(tried.has(asked)).toBe(model.has(asked));
        }
      }
    }),
    rounds(),
  );
});
