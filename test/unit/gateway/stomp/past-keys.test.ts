import { describe, expect, test } from "bun:test";
import { type RememberingSocket, StompSide } from "../../../support/stomp-session.ts";

const say = (socket: RememberingSocket, text: string) => socket.receive(Buffer.from(text));
const send = (body: string, headers = "") => `SEND\ndestination:/topic/a\n${headers}\n${body}\0`;
const keyed = (body: string, headers = "") => send(body, `idempotency-key:${body}\n${headers}`);
const bodies = ({ taken }: StompSide) => taken.map(({ body }) => String(body));

/** A client of a manager that has just been started: what was said before is still being read. */
function starting() {
  const side = new StompSide(1024);
  side.once.past.expect(60_000);
  const socket = side.connect();
  say(socket, "CONNECT\naccept-version:1.2\n\n\0");
  return { side, socket, keys: side.once.past };
}

describe("while the keys of before the start are being read", () => {
  test("a SEND with a key waits, and what its client sends after it, but nobody else", async () => {
    const { side, socket, keys } = starting();
    say(socket, send("1") + keyed("2", "receipt:r\n") + send("3"));
    say(socket, keyed("4"));
    const other = side.connect();
    say(other, `CONNECT\naccept-version:1.2\n\n\0${send("other")}`);
    await new Promise(setImmediate);
    expect(bodies(side)).toEqual(["1", "other"]);
    keys.known();
    await side.settled();
    expect(bodies(side)).toEqual(["1", "other", "2", "3", "4"]);
    side.confirm();
    expect(String(socket.sent.at(-1))).toStartWith("RECEIPT\nreceipt-id:r\n");
  });

  test("one that is found to have been sent before is not published again", async () => {
    const { side, socket, keys } = starting();
    say(socket, keyed("1", "receipt:r\n") + send("2"));
    const before = side.once.admit({ body: "1", topic: "a", clientId: "client" }, "1");
    if (before.is === "new") before.waiter.confirmed();
    keys.known();
    await side.settled();
    expect(bodies(side)).toEqual(["2"]);
    expect(String(socket.sent.at(-1))).toStartWith("RECEIPT\nreceipt-id:r\n");
  });

  test("so does one in a transaction, and a request", async () => {
    const { side, socket, keys } = starting();
    say(socket, `BEGIN\ntransaction:t\n\n\0${keyed("1", "transaction:t\n")}COMMIT\ntransaction:t\n\n\0`);
    say(socket, "SEND\ndestination:/app/a\nidempotency-key:k\nreply-to:/temp-queue/q\n\n2\0");
    await new Promise(setImmediate);
    expect(bodies(side)).toEqual([]);
    keys.known();
    await side.settled();
    expect(bodies(side)).toEqual(["1", "2"]);
  });

  test("what was read from a client that has gone is still published, in order", async () => {
    const { side, socket, keys } = starting();
    say(socket, keyed("1") + send("2"));
    socket.end();
    await new Promise(setImmediate);
    keys.known();
    await side.settled();
    expect(bodies(side)).toEqual(["1", "2"]);
  });

  test("what is wrong with it is said when it is obeyed, and nothing that follows is", async () => {
    const { side, socket, keys } = starting();
    say(socket, `SEND\ndestination:nowhere\nidempotency-key:k\n\n1\0${send("2")}`);
    keys.known();
    await side.settled();
    expect(bodies(side)).toEqual([]);
    expect([String(socket.sent.at(-1)).startsWith("ERROR"), socket.closeCode]).toEqual([true, 1002]);
  });
});
