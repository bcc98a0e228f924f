import { expect, test } from "bun:test";
import { frameLimits } from "../../../support/frame-limits.ts";
import { type RememberingSocket, StompSide } from "../../../support/stomp-session.ts";
import { makeWheelClock } from "../../doubles/wheel-clock.ts";

const { pass } = makeWheelClock();

const maxMessageBytes = 1024 ** 2;
const say = (socket: RememberingSocket, text: string) => socket.receive(Buffer.from(text));
const lastSaid = (socket: RememberingSocket) => String(socket.sent.at(-1));

function connected(): RememberingSocket {
  const socket = new StompSide(maxMessageBytes).connect();
  say(socket, "CONNECT\naccept-version:1.2\n\n\0");
  return socket;
}

test.each([
  ["another frame's body", "SEND\ndestination:/topic/a\ncontent-length:1000000\n\n", "CONNECT first, not"],
  ["another frame's body, of no length", "SEND\ndestination:/topic/a\nreceipt:r\n\nx", "receipt-id:r"],
  ["a body of CONNECT", "CONNECT\naccept-version:1.2\ncontent-length:1000000\n\nx", "only a SEND has a body"],
  ["a body of CONNECT, of no length", "CONNECT\naccept-version:1.2\n\nx", "only a SEND has a body"],
  ["more headers", `CONNECT\n${"a:b\n".repeat(20_000)}`, "headers"],
])("before CONNECT %s is not waited for", (_, beginning, why) => {
  const socket = new StompSide(maxMessageBytes).connect();
  say(socket, beginning);
  expect(socket.closeCode).toBe(1002);
  expect(lastSaid(socket)).toContain(why);
  expect(socket.data.keptBytes).toBe(0);
});

test("before CONNECT no more is kept than headers, however small the pieces", () => {
  const socket = new StompSide(maxMessageBytes).connect();
  const { maxHeaderBytes } = frameLimits(maxMessageBytes);
  say(socket, "CONNECT\n");
  let most = 0;
  for (let sent = 0; socket.closeCode === undefined && sent < 4 * maxHeaderBytes; sent += 100) {
    say(socket, `name:${"v".repeat(94)}\n`);
    most = Math.max(most, socket.data.keptBytes);
  }
  expect(socket.closeCode).toBe(1002);
  expect(most).toBeGreaterThan(maxHeaderBytes / 2);
  // The buffer doubles.
  expect(most).toBeLessThanOrEqual(2 * (maxHeaderBytes + 200));
});

test("a frame in pieces has to be whole within the message timeout, however steadily they come", () => {
  const socket = connected();
  say(socket, "SEND\ndestination:/topic/a\n\n");
  pass(59_750, () => say(socket, "x"));
  expect(socket.closeCode).toBeUndefined();
  expect(socket.data.keptBytes).toBeGreaterThan(200);
  pass(250);
  expect(socket.closeCode).toBe(4408);
  expect(lastSaid(socket)).toContain("a frame was not whole 60 s after its beginning");
});

test("frames in pieces may go on for ever, if each is whole in time", () => {
  const socket = connected();
  say(socket, "SEND\ndestination:/topic/a\n\nx");
  for (let count = 0; count < 5; count++) {
    pass(50_000);
    // The end of one, and the beginning of the next.
    say(socket, "\0SEND\ndestination:/topic/a\n\nx");
  }
  expect(socket.closeCode).toBeUndefined();
  say(socket, "\0");
  expect(socket.data.keptBytes).toBe(0);
  pass(200_000);
  expect(socket.closeCode).toBeUndefined();
});

test("the bytes of open transactions are reported", () => {
  const socket = connected();
  say(socket, "BEGIN\ntransaction:t\n\n\0");
  expect(socket.data.keptBytes).toBe(0);
  say(socket, `SEND\ndestination:/topic/a\ntransaction:t\n\n${"x".repeat(5000)}\0`);
  expect(socket.data.keptBytes).toBeGreaterThan(5000);
  say(socket, "ABORT\ntransaction:t\n\n\0");
  expect(socket.data.keptBytes).toBe(0);
});

test("nothing is timed any more of a client that has gone", () => {
  const socket = connected();
  say(socket, "SEND\ndestination:/topic/a\n\nx");
  socket.end();
  const said = socket.sent.length;
  pass(200_000);
  expect(socket.sent.length).toBe(said);
});
