import { describe, expect, test } from "bun:test";
import type { Message } from "../../../src/message.ts";
import { answersOf } from "../../../src/processor/answers.ts";
import { UnusableAnswer } from "../../../src/processor/unusable-answer.ts";

const question: Message = {
  id: "m-1",
  body: "question",
  topic: "a.b",
  clientId: "c-1",
  headers: { mine: "own" },
  appId: "manager-1",
  timestamp: 1,
};
const anonymous: Message = { ...question, clientId: undefined };

const bodies = (result: unknown) => answersOf(result, question).map(({ body }) => body);

/** What is sent as JSON says so, for programs that refuse JSON in what is called plain text. */
const json = { "content-type": "application/json" };

describe("a handler's result", () => {
  test("of nothing is no answer", () => {
    expect([answersOf(undefined, question), answersOf(null, question), answersOf([], question)]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test("of a text is one answer to the topic of the question, to all its clients", () => {
    expect(answersOf("text", question)).toEqual([{ body: "text", topic: "a.b" }]);
  });

  test("of an empty text or no bytes is an answer too", () => {
    expect(bodies("")).toEqual([""]);
    expect(bodies(new Uint8Array())).toEqual([new Uint8Array()]);
  });

  test("of bytes is bytes, in whatever holds them", () => {
    const bytes = new Uint8Array([0, 255]);
    expect(bodies(bytes)).toEqual([bytes]);
    expect(bodies(Buffer.from(bytes))).toEqual([Buffer.from(bytes)]);
    expect(bodies(bytes.buffer)).toEqual([bytes]);
  });

  test("of bytes is what they are now, whatever the handler does with their memory afterwards", () => {
    const bytes = new Uint8Array([65]);
    const answers = [bytes, Buffer.from(bytes.buffer), bytes.buffer, { to: "topic", body: bytes }].flatMap(
      bodies,
    );
    bytes[0] = 66;
    expect(answers.map((body) => Buffer.from(body as Uint8Array).toString())).toEqual(["A", "A", "A", "A"]);
  });

  test("of bytes that were transferred to somewhere else is an error that says so", () => {
    const bytes = new Uint8Array([65]);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    for (const result of [bytes, bytes.buffer, { to: "topic", body: bytes }])
      expect(() => bodies(result)).toThrow(
        "bytes that were transferred to somewhere else: send a copy of them",
      );
  });

  test("of an object is its JSON", () => {
    expect(bodies({ a: [1, { b: null }] })).toEqual(['{"a":[1,{"b":null}]}']);
    expect(bodies(new Date(0))).toEqual(['"1970-01-01T00:00:00.000Z"']);
  });

  test("of an empty object is its JSON, of a class that says what it is in JSON too", () => {
    const nothing = [
      {},
      Object.create(null),
      { toJSON: () => ({}) },
      new (class Empty {
        toJSON = () => ({});
      })(),
    ];
    expect(bodies(nothing)).toEqual(["{}", "{}", "{}", "{}"]);
    expect(
      bodies(
        new (class Price {
          eur = 3;
        })(),
      ),
    ).toEqual(['{"eur":3}']);
    expect(bodies(new Date(0))).toEqual(['"1970-01-01T00:00:00.000Z"']);
  });

  test("of an array is an answer for each, in order, of whatever kinds", () => {
    const bytes = new Uint8Array([1]);
    expect(bodies(["one", bytes, { three: 3 }, [4, 5]])).toEqual(["one", bytes, '{"three":3}', "[4,5]"]);
  });

  test("to the sender names the sender", () => {
    expect(answersOf({ to: "sender", body: "for you" }, question)).toEqual([
      { body: "for you", topic: "a.b", clientId: "c-1" },
    ]);
  });

  test("may go to the sender and to all", () => {
    expect(answersOf([{ to: "sender", body: { ok: true } }, "for all"], question)).toEqual([
      { body: '{"ok":true}', topic: "a.b", clientId: "c-1", headers: json },
      { body: "for all", topic: "a.b" },
    ]);
  });
});

describe("what cannot be sent", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;

  test.each([
    ["a number", 42, "not number"],
    ["a boolean", true, "not boolean"],
    ["a symbol", Symbol("s"), "not symbol"],
    ["a bigint", 1n, "not bigint"],
    ["a function", () => "text", "not function"],
    ["a number among answers", ["fine", 42], "not number"],
    ["nothing among answers", ["fine", undefined], "not undefined"],
    ["null among answers", [null], "not null"],
    ["nothing for the sender", { to: "sender", body: undefined }, "no body"],
    ["a number for the sender", { to: "sender", body: 42 }, "not number"],
    ["a promise among answers", [Promise.resolve("text")], "a promise or a generator"],
    ["a generator among answers", [new ReadableStream()], "a promise or a generator"],
    ["what fetch resolves with", { to: "sender", body: new Response("text") }, "of the class Response"],
    ["a map for the sender", { to: "sender", body: new Map([["a", 1]]) }, "of the class Map"],
    ["a set among answers", [new Set(["a"])], "of the class Set"],
    ["an error that was not thrown", new TypeError("secret"), "of the class TypeError"],
    ["a blob", new Blob(["text"]), "of the class Blob"],
    ["an object in a circle", circular, "cannot be written as JSON"],
    ["an object with a bigint", { n: 1n }, "cannot be written as JSON"],
    ["an object whose JSON is nothing", { toJSON: () => undefined }, "cannot be written as JSON"],
    [
      "an object whose JSON fails",
      {
        toJSON() {
          throw new Error("no");
        },
      },
      "cannot be written as JSON",
    ],
  ])("%s is refused with a reason", (_, result, reason) => {
    expect(() => answersOf(result, question)).toThrow(UnusableAnswer);
    expect(() => answersOf(result, question)).toThrow(reason);
  });

  test("is an answer to an unknown sender", () => {
    expect(() => answersOf({ to: "sender", body: "x" }, anonymous)).toThrow("names no client-id");
  });
});
