import { expect, test } from "bun:test";
import { beginsStomp } from "../../../../src/gateway/stomp/first-frame.ts";

test.each([
  "CONNECT\naccept-version:1.2\n\n\0",
  "STOMP\nlogin:guest\n\n\0",
  "CONNECT\r\naccept-version:1.1,1.0\r\n\r\n\0",
  "\n\r\n\n\nCONNECT\nhost:x\n\n\0",
  "CONNECT\n\n\0",
  `CONNECT\npasscode:${"x".repeat(8000)}`,
  "CONNECT\naccept-version:1.2\n\n\0SEND\n",
])("a STOMP client begins with %j, in a text or a binary message", (text) => {
  expect(beginsStomp(text)).toBe(true);
  expect(beginsStomp(Buffer.from(text))).toBe(true);
});

test.each([
  "",
  "\n",
  "\r",
  "\n".repeat(1000),
  "CONNECT",
  "CONNECT\n",
  "CONNECT\nto the world\nnow: please",
  "CONNECT me",
  "CONNECTED\nversion:1.2\n\n\0",
  "connect\nhost:x\n\n\0",
  "SEND\ndestination:/broadcast\n\nx\0",
  " CONNECT\nhost:x\n\n\0",
  "\rCONNECT\nhost:x\n\n\0",
])("%j is plain text", (text) => {
  expect(beginsStomp(text)).toBe(false);
  expect(beginsStomp(Buffer.from(text))).toBe(false);
});
