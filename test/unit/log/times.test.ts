import { expect, test } from "bun:test";
import fc from "fast-check";
import { Times } from "../../../src/log/times.ts";
import { rounds } from "../doubles/rounds.ts";

test("the first time that is not before another is found, however clocks jump and whatever is gone", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ push: fc.integer({ min: 0, max: 700 }), shift: fc.integer({ min: 0, max: 700 }) }),
        {
          maxLength: 8,
        },
      ),
      fc.func(fc.integer({ min: 0, max: 1000 })),
      fc.integer({ min: -1, max: 1001 }),
      (steps, timeOf, wanted) => {
        const times = new Times();
        const expected: number[] = [];
        let count = 0;
        for (const { push, shift } of steps) {
          for (let pushed = 0; pushed < push; pushed++) {
            const time = timeOf(count++);
            times.push(time);
            expected.push(time);
          }
          for (let shifted = 0; shifted < shift; shifted++) times.shift();
          expected.splice(0, shift);
          const found = expected.findIndex((time) => time >= wanted);
          expect(times.firstNotBefore(wanted)).toBe(found < 0 ? expected.length : found);
        }
      },
    ),
    rounds(60),
  );
});
