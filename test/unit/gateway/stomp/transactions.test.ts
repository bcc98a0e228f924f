import { expect, test } from "bun:test";
import { begun, type Pending, Transactions } from "../../../../src/gateway/stomp/transactions.ts";

const pending = (body: string): Pending => ({ message: { body, topic: "a" }, receipt: undefined });
const bodiesOf = (sends: readonly Pending[]) => sends.map(({ message }) => message.body);

test("each transaction has its own SENDs, in their order", () => {
  const transactions = new Transactions(1024 ** 2);
  transactions.begin("one");
  transactions.begin("other");
  transactions.add("one", pending("1"));
  transactions.add("other", pending("2"));
  transactions.add("one", pending("3"));
  expect(bodiesOf(transactions.end("one"))).toEqual(["1", "3"]);
  expect(bodiesOf(transactions.end("other"))).toEqual(["2"]);
});

test("one that has ended may begin again, empty, and takes nothing in memory meanwhile", () => {
  const transactions = new Transactions(1024 ** 2);
  transactions.begin("t");
  transactions.add("t", pending("x"));
  expect(transactions.bytes).toBeGreaterThan(0);
  transactions.end("t");
  expect(transactions.bytes).toBe(0);
  transactions.begin("t");
  expect(transactions.end("t")).toEqual([]);
});

test("one that has not begun, or has begun already, is a fault that names it", () => {
  const transactions = new Transactions(1024 ** 2);
  expect(() => transactions.add("t", pending("x"))).toThrow('no transaction "t"');
  expect(() => transactions.end("t")).toThrow('no transaction "t"');
  expect(() => begun(undefined, "t")).toThrow('no transaction "t"');
  transactions.begin("t");
  expect(() => transactions.begin("t")).toThrow('"t" has begun already');
  expect(begun(transactions, "t")).toBe(transactions);
});

test("a hundred may be open", () => {
  const transactions = new Transactions(1024 ** 2);
  for (let number = 0; number < 100; number++) transactions.begin(`${number}`);
  expect(() => transactions.begin("one more")).toThrow("more than 100");
  transactions.end("0");
  transactions.begin("one more");
});

test("all of a client's hold at most so much together", () => {
  const transactions = new Transactions(10_000);
  transactions.begin("one");
  transactions.begin("other");
  transactions.add("one", pending("x".repeat(4000)));
  expect(() => transactions.add("other", pending("x".repeat(6000)))).toThrow("more than 10000 bytes");
});
