import { expect, test } from "bun:test";
import { Publishing } from "../../../../src/gateway/stomp/publishing.ts";
import type { StompSurroundings } from "../../../../src/gateway/stomp/surroundings.ts";
import type { OutgoingMessage } from "../../../../src/message.ts";
import type { StompFault } from "../../../../src/wire/stomp/fault.ts";
import type { Frame } from "../../../../src/wire/stomp/frames.ts";

const frameOf = (command: string, headers: Record<string, string>, body = ""): Frame =>
  ({ command, headers: new Map(Object.entries(headers)), body: Buffer.from(body) }) as unknown as Frame;

/** A session with a transaction of many SENDs, whose token is asked about each of them. */
function transactionOf(count: number) {
  const taken: OutgoingMessage[] = [];
  const faults: [why: string, receipt: string | undefined][] = [];
  const asked = { count: 0 };
  const forbidden = new Set<string>();
  const surroundings = {
    maxTransactionBytes: 64 * 1024 ** 2,
    ingress: {
      objectionTo: () => undefined,
      isReused: () => false,
      take: (message: OutgoingMessage) => taken.push(message),
    },
    receipts: { tell: () => undefined },
  };
  const credentials = {
    permissions: {
      mayPublish: (topic: string) => {
        asked.count++;
        return !forbidden.has(topic);
      },
    },
    notToPublish: (topic: string, receipt?: string) => ({ message: `not to ${topic}`, receipt }),
  };
  const fail = ({ message, receipt }: StompFault) => void faults.push([message, receipt]);
  const publisher = { clientId: "c", credentials, acknowledge: () => undefined, fail };
  const publishing = new Publishing(surroundings as unknown as StompSurroundings, publisher as never);
  publishing.begin(frameOf("BEGIN", { transaction: "t" }));
  for (let number = 0; number < count; number++)
    publishing.send(frameOf("SEND", { destination: `/topic/${number}`, transaction: "t" }, "x"), undefined);
  const commit = () => publishing.commit(frameOf("COMMIT", { transaction: "t" }), "r");
  return { publishing, taken, faults, asked, forbidden, commit };
}

test("the rights to a large transaction are checked a few SENDs at a time, and nothing is published before all are", () => {
  const { publishing, taken, asked, commit } = transactionOf(10_000);
  commit();
  expect(asked.count).toBe(0);
  while (asked.count < 10_000) {
    const before = asked.count;
    publishing.resume();
    expect(asked.count - before).toBeWithin(1, 33);
    expect(taken).toEqual([]);
  }
  while (publishing.isCommitting) publishing.resume();
  expect(taken.map(({ topic }) => topic)).toEqual(Array.from({ length: 10_000 }, (_, number) => `${number}`));
  expect(asked.count).toBe(10_000);
});

test("what is not published yet of a transaction counts as kept for its client", () => {
  const { publishing, commit } = transactionOf(100);
  const open = publishing.keptBytes;
  expect(open).toBeGreaterThan(100);
  commit();
  expect(publishing.keptBytes).toBe(open);
  let before = open;
  while (publishing.isCommitting) {
    publishing.resume();
    expect(publishing.keptBytes).toBeLessThanOrEqual(before);
    before = publishing.keptBytes;
  }
  expect(publishing.keptBytes).toBe(0);
});

test("if the token does not allow the last one any more, the session fails, with the receipt of the COMMIT", () => {
  const { publishing, taken, faults, forbidden, commit } = transactionOf(100);
  forbidden.add("99");
  commit();
  for (let piece = 0; faults.length === 0 && piece < 1000; piece++) publishing.resume();
  expect([faults, taken]).toEqual([[["not to 99", "r"]], []]);
});
