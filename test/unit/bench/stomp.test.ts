import { expect, test } from "bun:test";
import { FrameError } from "../../../src/bench/frame-reader.ts";
import { FrameScanner } from "../../../src/bench/frame-scanner.ts";
import { Inbox } from "../../../src/bench/inbox.ts";
import { PayloadLayout } from "../../../src/bench/payload.ts";
import { type BenchOptions, Plan } from "../../../src/bench/plan.ts";
import { SendFrame } from "../../../src/bench/send-frame.ts";
import { StompHello } from "../../../src/bench/stomp-hello.ts";
import { StompSession } from "../../../src/bench/stomp-session.ts";
import { FrameParser } from "../../../src/wire/stomp/parser.ts";
import { frameLimits } from "../../support/frame-limits.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What a scanner finds in WebSocket messages, one after the other. */
function scanned(...texts: string[]): string[] {
  const found: string[] = [];
  const scanner = new FrameScanner({
    message: (bytes, _frame, body, length) => found.push(decode(bytes.subarray(body, body + length))),
    other: (frame) => found.push(frame.slice(0, frame.indexOf("\n"))),
  });
  for (const text of texts) {
    const bytes = encode(text);
    scanner.scan(bytes, 0, bytes.length);
  }
  return found;
}

/** A MESSAGE as Warren writes it. */
const message = (id: string, body: string, more = "") =>
  `MESSAGE\nsubscription:0\n${more}message-id:${id}\ndestination:/topic/a\ncontent-length:${body.length}\n\n${body}\0`;

const options: BenchOptions = {
  url: ["ws://manager/ws?topic=a.b"],
  clients: 2,
  publishers: 2,
  rate: 100,
  size: 32,
  durationMs: 1000,
  json: false,
  protocol: "stomp",
  receipts: true,
  durable: true,
  reconnectEveryMs: 100,
  stay: false,
};

test("messages are found whether or not they look like the one before", () => {
  expect(
    scanned(
      message("a-1", "first"),
      message("a-2", "secon"),
      message("a-10", "longer id"),
      message("b-1", "other"),
      message("a-11", "as before"),
      message("a-12", ""),
    ),
  ).toEqual(["first", "secon", "longer id", "other", "as before", ""]);
});

test("several frames in one message are all found, heart-beats among them", () => {
  expect(scanned(`\n${message("1", "one")}\n${message("2", "two")}RECEIPT\nreceipt-id:r1\n\n\0\n`)).toEqual([
    "one",
    "two",
    "RECEIPT",
  ]);
});

test("a message may have NULs and empty lines in it, or no length", () => {
  const body = "a\0b\n\nc";
  expect(scanned(message("1", body), message("2", body))).toEqual([body, body]);
  expect(scanned("MESSAGE\nsubscription:0\n\nplain\0")).toEqual(["plain"]);
});

test("what does not end is a fault of the server", () => {
  for (const broken of [
    "MESSAGE\nno end",
    "MESSAGE\ncontent-length:9\n\nshort\0",
    "RECEIPT\nreceipt-id:1\n\n",
  ])
    expect(() => scanned(broken)).toThrow(FrameError);
});

test("what publishers send is a SEND of the run's message, with the number in its receipt", () => {
  const layout = new PayloadLayout("run00001", 10, 1000, 32);
  const frame = new SendFrame("/topic/with:colon", layout, true);
  const bytes = new Uint8Array(frame.sizeBytes);
  frame.prepare(bytes, 0);
  frame.number(bytes, 0, 7, 42);
  const parser = new FrameParser(frameLimits(1000));
  parser.push(Buffer.from(bytes));
  const sent = parser.next();
  if (sent === undefined || sent instanceof Error) throw new Error("no frame");
  expect(sent.command).toBe("SEND");
  expect(Object.fromEntries(sent.headers)).toEqual({ destination: "/topic/with:colon", receipt: "r042" });
  expect(sent.body.toString()).toBe("run00001 7 042 xxxxxxxxxxxxxxxxx");
  expect(parser.next()).toBeUndefined();
});

/** A client's session, and the account that it reports to. */
function listening() {
  const plan = new Plan(options, "run00001");
  const inbox = new Inbox(plan, Uint32Array.of(5, 5));
  const session = new StompSession(1, inbox, plan.stomp!, true);
  const hear = (text: string) => {
    const bytes = encode(text);
    session.heard(bytes, 0, bytes.length);
    session.paused();
  };
  return { inbox, session, hear };
}

const payload = "run00001 0 00 xxxxxxxxxxxxxxxxxx".slice(0, 32);

test("a client is ready when its subscription is in force, and says what the server refuses", () => {
  const { session, hear } = listening();
  hear("CONNECTED\nversion:1.2\n\n\0");
  expect(session.isReady).toBeFalse();
  hear("RECEIPT\nreceipt-id:subscribed\n\n\0");
  expect(session.isReady).toBeTrue();
  hear("ERROR\nmessage:no such thing\n\nno such thing\n\0");
  expect(session.refusal).toBe("no such thing");
});

test("messages and receipts are accounted for, and publishers hear themselves", () => {
  const { inbox, hear } = listening();
  hear(message("1", payload));
  hear(message("2", `processed message: ${payload}`));
  hear("RECEIPT\nreceipt-id:r03\n\n\0");
  hear("RECEIPT\nreceipt-id:r03\n\n\0");
  hear("RECEIPT\nreceipt-id:r09\n\n\0"); // has not been sent
  expect(inbox.relayed.delivered).toBe(1);
  expect(inbox.processed?.delivered).toBe(1);
  expect(inbox.receipts).toMatchObject({ delivered: 1, duplicated: 1 });
  expect(inbox.foreign).toBe(1);
});

test("a client knows where the last message was, to go on behind it", () => {
  const { session, hear } = listening();
  expect(session.position).toBeUndefined();
  hear("RECEIPT\nreceipt-id:subscribed\nx-stream-after:6\n\n\0");
  expect(session.position).toBe("6");
  hear(message("1", payload, "x-stream-offset:7.1\n") + message("2", payload, "x-stream-offset:8\n"));
  hear("\n");
  expect(session.position).toBe("8");
});

test("it subscribes to the URL's topic: from now on at first, and behind a message later", () => {
  const durable = new StompHello(new URL("ws://user:p%40ss@manager/ws?topic=a.b"), true);
  const hello = decode(durable.bytes(undefined));
  expect(hello).toContain("login:user\npasscode:p@ss\n");
  expect(hello).toContain("destination:/topic/a.b\n");
  expect(hello).toContain("x-stream-offset:next\n");
  expect(decode(durable.bytes("8.1"))).toContain("x-stream-after:8.1\n");
  const live = decode(new StompHello(new URL("ws://manager/ws"), false).bytes(undefined));
  expect(live).toContain("destination:/broadcast\n");
  expect(live).not.toContain("x-stream");
});
