import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Handshake } from "../../../src/bench/handshake.ts";

function acceptOf(handshake: Handshake): string {
  const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(Buffer.from(handshake.request).toString())?.[1];
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

const handshake = new Handshake(new URL("ws://host:81/ws/me?topic=a.b"));
const head = `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nsec-websocket-accept: ${acceptOf(handshake)}\r\n\r\n`;

test("the request asks for the URL's path and query at its host", () => {
  const request = Buffer.from(handshake.request).toString();
  expect(request).toStartWith("GET /ws/me?topic=a.b HTTP/1.1\r\nHost: host:81\r\n");
  expect(request).toEndWith("\r\nSec-WebSocket-Version: 13\r\n\r\n");
});

test("frames begin behind the answer's head, once it is all there", () => {
  expect(handshake.framesBegin(Buffer.from(head.slice(0, -1)))).toBeUndefined();
  expect(handshake.framesBegin(Buffer.from(`${head}frames`))).toBe(head.length);
});

test("another answer is reported with its status", () => {
  const answer = Buffer.from("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
  expect(() => handshake.framesBegin(answer)).toThrow("HTTP 404 Not Found instead of a WebSocket");
});

test("an answer to another key, or none that is HTTP, is an error", () => {
  expect(() => handshake.framesBegin(Buffer.from(head.replace(/accept: ./, "accept: !")))).toThrow(
    "Sec-WebSocket-Accept",
  );
  expect(() => handshake.framesBegin(Buffer.from("AMQP\0\0\x09\x01\r\n\r\n"))).toThrow("not HTTP");
  expect(() => handshake.framesBegin(Buffer.alloc(17_000))).toThrow("not HTTP");
});
