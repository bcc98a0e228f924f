import { expect, test } from "bun:test";
import { type RememberingSocket, StompSide } from "../../../support/stomp-session.ts";

const say = (socket: RememberingSocket, text: string) => socket.receive(Buffer.from(text));
const send = (body: number, headers = "") => `SEND\ndestination:/topic/a\n${headers}\n${body}\0`;
const lastSaid = (socket: RememberingSocket) => String(socket.sent.at(-1));
const bodies = (side: StompSide) => side.taken.map(({ body }) => Number(body));

/** A client whose transaction of ten is published as far as `published` and not beyond, until the outbox has room. */
function halfway(published: number, headers = "") {
  const side = new StompSide(1024 ** 2);
  const socket = side.connect();
  say(socket, "CONNECT\naccept-version:1.2\n\n\0");
  const first = send(100, "receipt:first\n");
  const sends = Array.from({ length: 10 }, (_, index) => send(index, `transaction:t\n${headers}`));
  say(socket, `${first}BEGIN\ntransaction:t\n\n\0${sends.join("")}`);
  side.isFullAfter = 1 + published;
  say(socket, `COMMIT\ntransaction:t\nreceipt:all\n\n\0${send(200)}`);
  expect(side.taken).toHaveLength(1 + published);
  return { side, socket };
}
const whole = [100, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

test.each([
  ["a SEND before it", 0, "first"],
  ["one of its own", 2, "all"],
])("a transaction is published whole, though %s is set aside meanwhile", async (_, index, receipt) => {
  const { side, socket } = halfway(4);
  side.setAside(index, "too large");
  expect(socket.closeCode).toBeUndefined();
  await side.makeRoom();
  expect(bodies(side)).toEqual(whole);
  expect(socket.closeCode).toBe(1002);
  expect(lastSaid(socket)).toContain("a SEND was set aside: too large");
  expect(lastSaid(socket)).toContain(`receipt-id:${receipt}\n`);
});

test("of several that are set aside meanwhile, the ERROR names the first", async () => {
  const { side, socket } = halfway(4);
  side.setAside(0, "one");
  side.setAside(1, "another");
  await side.makeRoom();
  expect(bodies(side)).toEqual(whole);
  expect(lastSaid(socket)).toContain("receipt-id:first\n");
  expect(socket.sent.filter((frame) => String(frame).startsWith("ERROR"))).toHaveLength(1);
});

test("receipts of the others still come while the transaction is being published", async () => {
  const { side, socket } = halfway(4, "receipt:each\n");
  side.setAside(0, "too large");
  side.confirm();
  expect(lastSaid(socket)).toContain("receipt-id:each");
  await side.makeRoom();
  expect(lastSaid(socket)).toContain("receipt-id:first\n");
});

test("a transaction is published whole though its client has gone when one is set aside", async () => {
  const { side, socket } = halfway(4);
  side.setAside(2, "too large");
  socket.end();
  await side.makeRoom();
  expect(bodies(side)).toEqual(whole);
});

test("what is set aside after its transaction has been published ends the session at once", async () => {
  const { side, socket } = halfway(9);
  await side.makeRoom();
  side.setAside(3, "too large");
  expect(socket.closeCode).toBe(1002);
  expect(lastSaid(socket)).toContain("receipt-id:all\n");
});
