import { expect, test } from "bun:test";
import type { Message } from "../../../src/message.ts";
import { answersOf } from "../../../src/processor/answers.ts";
import { UnusableAnswer } from "../../../src/processor/unusable-answer.ts";

const question: Message = { id: "m-1", body: "question", topic: "a", appId: "manager-1", timestamp: 1 };

test("an answer larger than RabbitMQ takes, counted in bytes, is refused", () => {
  const most = 16 * 1024 ** 2;
  expect(answersOf("x".repeat(most), question)).toHaveLength(1);
  expect(() => answersOf("x".repeat(most + 1), question)).toThrow(UnusableAnswer);
  expect(() => answersOf(new Uint8Array(most + 1), question)).toThrow(UnusableAnswer);
  expect(() => answersOf("é".repeat(most / 2 + 1), question)).toThrow(UnusableAnswer);
  expect(() => answersOf({ text: "x".repeat(most) }, question)).toThrow(UnusableAnswer);
});
