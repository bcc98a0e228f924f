import { describe, expect, test } from "bun:test";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import {
  bodyOf,
  contentTypeOf,
  isOwnHeader,
  travellingHeaders,
} from "../../../../src/gateway/stomp/headers.ts";

const frame = (headers: Readonly<Record<string, string>>, body = Buffer.alloc(0)) => ({
  command: "SEND",
  headers: new Map(Object.entries(headers)),
  body,
});

test("an application's headers travel, and STOMP's and Warren's do not", () => {
  const travelling = travellingHeaders(
    frame({ destination: "/topic/a", receipt: "1", "client-id": "eve", transaction: "t", colour: "red" }),
  );
  expect({ ...travelling }).toEqual({ colour: "red" });
  expect(isOwnHeader("colour")).toBe(true);
  for (const name of ["destination", "receipt", "client-id", "content-length", "message-id"])
    expect(isOwnHeader(name)).toBe(false);
});

test("a frame without any has none, and not an object of none", () => {
  expect(travellingHeaders(frame({ destination: "/topic/a", "content-type": "text/plain" }))).toBeUndefined();
});

test("a name that means something to JavaScript is a name like others", () => {
  const travelling = travellingHeaders(frame({ constructor: "x", toString: "y" }))!;
  expect(Object.getPrototypeOf(travelling)).toBeNull();
  expect({ ...travelling }).toEqual({ constructor: "x", toString: "y" } as never);
});

describe("a content type travels if it says more than whether the body is text:", () => {
  test.each([
    ["text/plain", false],
    ["text/plain;charset=utf-8", false],
    ['text/plain; charset="UTF-8"', false],
    ["application/octet-stream", false],
    ["text/css", true],
    ["text/plain;charset=latin1", true],
    ["application/json", true],
  ])("%s", (type, travels) => {
    expect(travellingHeaders(frame({ "content-type": type })) !== undefined).toBe(travels);
  });
});

test("a name that AMQP cannot carry, and a property that is none, are faults", () => {
  expect(() => travellingHeaders(frame({ ["x".repeat(256)]: "" }))).toThrow("1 to 255 bytes");
  expect(() => travellingHeaders(frame({ "": "x" }))).toThrow("1 to 255 bytes");
  expect(() => travellingHeaders(frame({ priority: "high" }))).toThrow("priority");
});

test("a body is text if its bytes are, and its type does not say otherwise; it is a copy", () => {
  expect(bodyOf(frame({}, Buffer.from("é")))).toBe("é");
  const bytes = Buffer.from([0xff, 0xfe]);
  const body = bodyOf(frame({}, bytes));
  expect(body).toEqual(bytes);
  expect(body).not.toBe(bytes);
  expect(bodyOf(frame({ "content-type": "application/octet-stream" }, Buffer.from("a")))).toEqual(
    Buffer.from("a"),
  );
});

test("a MESSAGE has the content type of its sender, or that of its kind of body", () => {
  expect(contentTypeOf("a", undefined)).toBe("text/plain");
  expect(contentTypeOf(Buffer.from("a"), undefined)).toBe("application/octet-stream");
  expect(contentTypeOf("a", { "content-type": "text/css" })).toBe("text/css");
  expect(contentTypeOf("a", { "content-type": "text/\0css" })).toBe("text/plain");
});

test("a subscription's messages begin with its id, whatever other ids there were, and however long it is", () => {
  const { headOf } = stompEncoding("1.2");
  const ids = [...Array.from({ length: 1000 }, (_, index) => `a:${index}`), "x".repeat(255), "a:0", "a:999"];
  for (const id of [...ids, ...ids])
    expect(headOf(id)).toBe(`MESSAGE\nsubscription:${id.replace(":", "\\c")}\n`);
});
