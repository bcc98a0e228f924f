import { expect, test } from "bun:test";
import { answersIdOf, type Maker, makerOf, onceText, questionIn } from "../../src/message-id.ts";

const numbered = "manager-0123456789ab-7";
const once = onceText({ key: "k".repeat(22), content: 0xc0ffee, seconds: 1_700_000_000, windowSeconds: 120 });

test.each<[string | undefined, Maker["is"]]>([
  [undefined, "unknown"],
  [numbered, "client"],
  ["manager-0123456789ab-b1-7", "client"],
  [once, "client"],
  ["processor-0123456789ab-7", "unknown"],
  ["manager-1", "unknown"],
  ["order-7/g/1", "unknown"],
  [`${numbered}/g/1`, "processor"],
  ["processor-0123456789ab-7/g/1", "processor"],
  [`${answersIdOf(once)}/g/1`, "processor"],
])("the id %p tells that its message is from: %s", (id, is) => {
  expect(makerOf(id).is).toBe(is);
});

test.each([numbered, once])("an answer's id leads to the message that it answers: %s", (id) => {
  const maker = makerOf(`${answersIdOf(id)}/billing/1`);
  expect(maker).toEqual({ is: "processor", question: questionIn(id) });
});
