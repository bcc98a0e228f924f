import { expect, test } from "bun:test";
import fc from "fast-check";
import { ParcelTags } from "../../../../../src/broker/rabbitmq/publishing/parcel-tags.ts";
import { PlainCopies } from "../../../../../src/envelope/plain-copies.ts";
import { envelopeOf } from "../../../doubles/envelope.ts";
import { rounds } from "../../../doubles/rounds.ts";

const copiesOf = (count: number) => new PlainCopies(Array.from({ length: count }, () => envelopeOf()));

test("an envelope is settled once, when all of its parts are, and is refused if one of them was", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(4), { minLength: 1, maxLength: 8 }),
      fc.array(
        fc.record({ tag: fc.integer({ min: 1, max: 40 }), multiple: fc.boolean(), isTaken: fc.boolean() }),
      ),
      (sizes, steps) => {
        const settled = new Map<number, boolean>();
        const tags = new ParcelTags((tag, isRefused) => {
          expect(settled.has(tag)).toBe(false);
          settled.set(tag, isRefused);
        });
        /** What became of each AMQP message, by a plain account of all tags. */
        const parts: { readonly parcel: number; readonly part: number; taken: boolean | undefined }[] = [];
        const copies = sizes.map((size) => (size === 0 ? undefined : copiesOf(size)));
        for (const [index, each] of copies.entries()) {
          expect(tags.add(each)).toBe(sizes[index]! + 1);
          for (let part = 0; part <= sizes[index]!; part++)
            parts.push({ parcel: index + 1, part, taken: undefined });
        }
        for (const { tag, multiple, isTaken } of steps) {
          for (const [index, each] of parts.entries())
            if (index + 1 === tag || (multiple && index + 1 < tag)) each.taken ??= isTaken;
          tags.settle(tag, multiple, isTaken);
          for (const [index, each] of copies.entries()) {
            const own = parts.filter(({ parcel }) => parcel === index + 1);
            const isSettled = own.every(({ taken }) => taken !== undefined);
            expect(settled.get(index + 1)).toBe(
              isSettled ? own.some(({ taken }) => taken === false) : (undefined as never),
            );
            const isDone = isSettled && settled.get(index + 1) === false;
            if (each !== undefined && !isDone)
              expect(each.dueParts() ?? own.map(({ part }) => part)).toEqual(
                own.filter(({ taken }) => taken !== true).map(({ part }) => part),
              );
          }
        }
      },
    ),
    rounds(),
  );
});

test("what goes again goes without the parts that the broker has", () => {
  const copies = copiesOf(3);
  const before = new ParcelTags(() => undefined);
  before.add(copies);
  before.settle(1, false, true);
  before.settle(4, false, true);
  const settled: [number, boolean][] = [];
  const next = new ParcelTags((tag, isRefused) => void settled.push([tag, isRefused]));
  expect(next.add(copies)).toBe(2);
  expect(next.add(undefined)).toBe(1);
  next.settle(2, true, true);
  expect(settled).toEqual([[1, false]]);
  next.settle(3, false, true);
  expect(settled).toEqual([
    [1, false],
    [2, false],
  ]);
});
