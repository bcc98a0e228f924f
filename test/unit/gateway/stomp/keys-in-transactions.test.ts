import { expect, test } from "bun:test";
import { type RememberingSocket, StompSide } from "../../../support/stomp-session.ts";

const say = (socket: RememberingSocket, text: string) => socket.receive(Buffer.from(text));
const keyed = (body: string, key: string, headers = "", topic = "a") =>
  `SEND\ndestination:/topic/${topic}\nidempotency-key:${key}\n${headers}\n${body}\0`;
const inTransaction = (body: string, key: string, topic?: string) =>
  keyed(body, key, "transaction:t\n", topic);
const bodies = ({ taken }: StompSide) => taken.map(({ body }) => String(body));

/** A client that sends these SENDs in a transaction, with receipt r for its COMMIT. */
async function committing(sends: string, before = "") {
  const side = new StompSide(1024);
  const socket = side.connect();
  say(socket, `CONNECT\naccept-version:1.2\n\n\0${before}BEGIN\ntransaction:t\n\n\0${sends}`);
  say(socket, "COMMIT\ntransaction:t\nreceipt:r\n\n\0");
  await side.settled();
  side.confirm();
  return { side, said: String(socket.sent.at(-1)) };
}

test("a transaction in which two messages have the same idempotency key is refused, and none of it is published", async () => {
  const others = [inTransaction("3", "k"), inTransaction("1", "k", "b")];
  for (const other of others) {
    const { side, said } = await committing(inTransaction("1", "k") + inTransaction("2", "another") + other);
    expect(said).toStartWith("ERROR");
    expect(said).toContain("409: the idempotency-key belongs to another message");
    expect(said).toContain("receipt-id:r");
    expect(bodies(side)).toEqual([]);
  }
});

test("a transaction with the idempotency key of another message that was sent before is refused, and none of it is published", async () => {
  const { side, said } = await committing(
    inTransaction("2", "another") + inTransaction("3", "k"),
    keyed("1", "k"),
  );
  expect(said).toContain("409: the idempotency-key belongs to another message");
  expect(bodies(side)).toEqual(["1"]);
});

test("a message that a transaction repeats, with its key, is published once", async () => {
  const { side, said } = await committing(
    inTransaction("1", "k") + inTransaction("2", "l") + inTransaction("1", "k"),
  );
  expect(said).toStartWith("RECEIPT");
  expect(bodies(side)).toEqual(["1", "2"]);
});
