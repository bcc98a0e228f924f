import { expect, test } from "bun:test";
import { leaversBody, leaversIn } from "../../../src/broker/leavers.ts";
import type { Message } from "../../../src/message.ts";
import { Askers } from "../../../src/processor/askers.ts";
import { Call } from "../../../src/processor/call.ts";
import { repliesQueue } from "../../../src/requests.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

const request = (id: string): Message => ({
  id: "m",
  body: "",
  topic: "t",
  isRequest: true,
  headers: { "reply-to": repliesQueue, "correlation-id": id },
  appId: undefined,
  timestamp: 1,
});

function world() {
  const askers = new Askers();
  const terms = { group: "g", logger: new RecordingLogger(), onFailure: () => undefined, askers };
  const call = (id: string) => new Call(request(id), 1, terms, {} as never);
  return { askers, call };
}

test("all calls for a client that has gone are aborted, also those that begin later, and no others", () => {
  const { askers, call } = world();
  const calls = ["warren:m:a:-1:x", "warren:m:a:e7.1:y", "warren:m:b:-1:x"].map(call);
  const ended = call("warren:m:a:-1:z");
  ended.end();
  askers.left(["warren:m:a", "warren:other:b"]);
  const later = call("warren:m:a:-1:w");
  expect([...calls, ended, later].map(({ isAbandoned, signal }) => [isAbandoned, signal.aborted])).toEqual([
    [true, true],
    [true, true],
    [false, false],
    [false, false],
    [true, true],
  ]);
});

test("what managers tell is understood, and nothing else", () => {
  expect(leaversIn(Buffer.from(leaversBody(["warren:m:a"])))).toEqual(["warren:m:a"]);
  for (const body of [
    "",
    "[]",
    "null",
    '{"left":7}',
    '{"left":[7]}',
    JSON.stringify({ left: Array(501).fill("a") }),
  ])
    expect(leaversIn(Buffer.from(body))).toEqual([]);
});
