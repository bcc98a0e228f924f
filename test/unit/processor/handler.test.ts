import { describe, expect, test } from "bun:test";
import type { Body } from "../../../src/message.ts";
import { echoProcessed, HandlerMessage } from "../../../src/processor/handler.ts";

const messageOf = (body: Body) =>
  new HandlerMessage({
    id: "m",
    body,
    topic: "",
    clientId: undefined,
    headers: undefined,
    appId: undefined,
    timestamp: undefined,
  });

describe("what a handler is called with", () => {
  test("has the text of text, and of bytes that are UTF-8", () => {
    expect(messageOf("grüße").text).toBe("grüße");
    expect(messageOf(Buffer.from("grüße")).text).toBe("grüße");
    expect(messageOf(new Uint8Array([0xff])).text).toBe("\ufffd");
  });

  test("has the JSON of its text", () => {
    expect(messageOf('{"a":[1]}').json()).toEqual({ a: [1] });
    expect(() => messageOf("no JSON").json()).toThrow(SyntaxError);
  });
});

describe("the built-in handler", () => {
  test("answers the original's answer", () => {
    expect(echoProcessed(messageOf("hello"))).toBe("processed message: hello");
    expect(echoProcessed(messageOf(""))).toBe("processed message: ");
    expect(echoProcessed(messageOf(Buffer.from("bytes")))).toBe("processed message: bytes");
  });
});
