import { expect, test } from "bun:test";
import fc from "fast-check";
import { OldestFirst } from "../../../src/collections/oldest-first.ts";
import { rounds } from "../doubles/rounds.ts";

const key = fc.integer({ min: 0, max: 8 });
const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), key }),
  fc.record({ do: fc.constant("delete" as const), key }),
  fc.record({ do: fc.constant("delete the oldest" as const), key }),
  fc.record({ do: fc.constant("clear" as const), key }),
);

test("it has what a Map has whose keys are deleted before they are set again, and the same oldest entry", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const model = new Map<number, number>();
      const tried = new OldestFirst<number, number>();
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
        for (let at = 0; at <= 8; at++) {
          expect(tried.get(at)).toBe(model.get(at));
          expect(tried.has(at)).toBe(model.has(at));
        }
      }
    }),
    rounds(),
  );
});
