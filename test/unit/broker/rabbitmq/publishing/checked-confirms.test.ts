import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CheckedConfirms } from "../../../../../src/broker/rabbitmq/publishing/checked-confirms.ts";
import { TagWindow } from "../../../../../src/collections/tag-window.ts";
import { rounds } from "../../../doubles/rounds.ts";

/** A publisher's account of so many envelopes, and the tags that count, in order. */
function counting(published: number) {
  const counted: number[] = [];
  const window = new TagWindow<number>();
  for (let tag = 1; tag <= published; tag++) window.add(tag);
  const confirms = new CheckedConfirms((tag, multiple) => counted.push(...window.settle(tag, multiple)));
  return { counted, confirms };
}

describe("a confirm", () => {
  test("does not count before a check that was sent after it is answered", () => {
    const { counted, confirms } = counting(1);
    confirms.acked(1, false);
    expect(counted).toEqual([]);
    confirms.checkSent();
    expect(counted).toEqual([]);
    confirms.checkAnswered();
    expect(counted).toEqual([1]);
  });

  test("does not count by a check that was on its way when it came", () => {
    const { counted, confirms } = counting(1);
    confirms.checkSent();
    confirms.acked(1, false);
    confirms.checkAnswered();
    expect(counted).toEqual([]);
    confirms.checkSent();
    confirms.checkAnswered();
    expect(counted).toEqual([1]);
  });

  test("never counts where a check finds something missing", () => {
    const { counted, confirms } = counting(2);
    confirms.acked(2, true);
    confirms.checkSent();
    // RabbitMQ closes the channel instead of an answer.
    expect(counted).toEqual([]);
    expect(confirms.asked).toBe(1);
  });

  test("of all up to a tag is about those that have not been confirmed one by one", () => {
    const { counted, confirms } = counting(5);
    confirms.acked(3, false);
    confirms.acked(2, true);
    confirms.acked(4, true);
    confirms.checkSent();
    confirms.acked(5, true);
    confirms.checkAnswered();
    expect(counted).toEqual([3, 1, 2, 4]);
  });
});

test("whatever the order of checks, answers and confirms, exactly those count that were confirmed before a check that is answered", () => {
  const published = 40;
  const step = fc.oneof(
    fc.record({ do: fc.constant("check" as const) }),
    fc.record({ do: fc.constant("answer" as const) }),
    fc.record({
      do: fc.constant("ack" as const),
      tag: fc.integer({ min: 1, max: published }),
      multiple: fc.boolean(),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { counted, confirms } = counting(published);
      const asked: (readonly number[])[] = [];
      const acked = new Set<number>();
      let covered: readonly number[] = [];
      for (const each of steps) {
        if (each.do === "check") {
          asked.push([...acked]);
          confirms.checkSent();
        } else if (each.do === "answer") {
          covered = asked.shift() ?? covered;
          confirms.checkAnswered();
        } else {
          for (let tag = each.multiple ? 1 : each.tag; tag <= each.tag; tag++) acked.add(tag);
          confirms.acked(each.tag, each.multiple);
        }
        expect(new Set(counted)).toEqual(new Set(covered));
        expect(confirms.asked).toBe(asked.length);
      }
      expect(new Set(counted).size).toBe(counted.length);
    }),
    rounds(),
  );
});
