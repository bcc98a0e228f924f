import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

const connectFrame = "CONNECT\naccept-version:1.2\n\n\0";
const subscribe = (id: string, destination: string, more = "") =>
  `SUBSCRIBE\nid:${id}\ndestination:${destination}\n${more}receipt:r-1\n\n\0`;
const send = (more: string, body = "") => `SEND\nreceipt:r-1\n${more}\n\n${body}\0`;

interface Bad {
  readonly input: string | Uint8Array<ArrayBuffer>;
  /** What the ERROR says. */
  readonly says: RegExp;
  /** Whether it names the receipt. */
  readonly receipt?: false;
  readonly unconnected?: true;
}

const inputs: Record<string, Bad> = {
  "a frame before CONNECT": {
    input: subscribe("1", "/topic/a"),
    says: /CONNECT first/,
    unconnected: true,
  },
  "a CONNECT without accept-version": {
    input: "CONNECT\n\n\0",
    says: /accept-version/,
    receipt: false,
    unconnected: true,
  },
  "a CONNECT of version 1.0 alone": {
    input: "CONNECT\naccept-version:1.0\n\n\0",
    says: /\nversion:1\.2,1\.1\n/,
    receipt: false,
    unconnected: true,
  },
  "a malformed heart-beat": {
    input: "CONNECT\naccept-version:1.2\nheart-beat:often\n\n\0",
    says: /heart-beat/,
    receipt: false,
    unconnected: true,
  },
  "a second CONNECT": { input: connectFrame, says: /connected already/, receipt: false },
  "a pack of other clients' messages": {
    input: send("destination:/topic/a\ncontent-type:application/vnd.warren.packed", '[["b","anna",2]]\nhi'),
    says: /content-type is none of Warren's own/,
  },
  "a mark of Warren's own": {
    input: send("destination:/topic/a\ncontent-type:application/vnd.warren.mark"),
    says: /content-type is none of Warren's own/,
  },
  "an unknown command": { input: "SHOUT\nreceipt:r-1\n\n\0", says: /unknown command "SHOUT"/ },
  "an unknown command with a body": { input: "send\nreceipt:r-1\n\nhello\0", says: /unknown command "send"/ },
  "a carriage return within a header": { input: send("a:b\rc"), says: /carriage return that ends no line/ },
  "bytes that are no frame": { input: new Uint8Array([255, 254, 10, 10, 0]), says: /UTF-8/, receipt: false },
  "a frame without the empty line": { input: "SEND\nreceipt:r-1\0", says: /empty line/ },
  "a header without a colon": { input: send("destination"), says: /name:value/ },
  "a header without a name": { input: send(":value"), says: /name:value/ },
  "a bad escape": { input: send("destination:/topic/a\\tb"), says: /escape/ },
  "a content-length that is no number": {
    input: send("destination:/topic/a\ncontent-length:ten"),
    says: /content-length/,
  },
  "a content-length that is too short": {
    input: send("destination:/topic/a\ncontent-length:2", "long"),
    says: /content-length of 2/,
  },
  "a content-length over the limit": {
    input: send("destination:/topic/a\ncontent-length:1025"),
    says: /more than 1024 bytes/,
  },
  "a body over the limit": {
    input: send("destination:/topic/a", "x".repeat(1025)),
    says: /more than 1024 bytes/,
  },
  "too many headers": {
    input: send(`destination:/topic/a\n${Array.from({ length: 100 }, (_, i) => `h${i}:`).join("\n")}`),
    says: /more than 100 headers/,
  },
  "a header line over 8 KiB": { input: send(`a:${"x".repeat(8192)}`), says: /more than 8192 bytes/ },
  "headers over 64 KiB": {
    input: send(Array.from({ length: 9 }, (_, i) => `h${i}:${"x".repeat(8000)}`).join("\n")).slice(0, 66_000),
    says: /more than 65536 bytes/,
  },
  "a header's name over 255 bytes": {
    input: send(`destination:/topic/a\n${"ü".repeat(128)}:`),
    says: /name has 1 to 255 bytes/,
  },
  "a SEND without a destination": { input: send("a:b"), says: /destination/ },
  "a SEND to an unknown destination": { input: send("destination:/queue/a"), says: /unknown destination/ },
  "a SEND to the topic without a name": { input: send("destination:/topic/"), says: /unknown destination/ },
  "a SEND to a pattern": { input: send("destination:/topic/a.*"), says: /pattern/ },
  "a SEND to /direct": { input: send("destination:/direct"), says: /subscribe/ },
  "a topic over 255 bytes": { input: send(`destination:/topic/${"x".repeat(256)}`), says: /255 bytes/ },
  "a topic with a control character": { input: send("destination:/topic/a\\nb"), says: /control/ },
  "a SEND in a transaction that was not begun": {
    input: send("destination:/topic/a\ntransaction:t"),
    says: /transaction "t"/,
  },
  "a COMMIT of a transaction that was not begun": {
    input: "COMMIT\ntransaction:t\nreceipt:r-1\n\n\0",
    says: /transaction "t"/,
  },
  "an ABORT of a transaction that was not begun": {
    input: "ABORT\ntransaction:t\nreceipt:r-1\n\n\0",
    says: /transaction "t"/,
  },
  "a transaction begun twice": {
    input: "BEGIN\ntransaction:t\n\n\0BEGIN\ntransaction:t\nreceipt:r-1\n\n\0",
    says: /begun already/,
  },
  "a transaction over its limit": {
    input:
      "BEGIN\ntransaction:t\n\n\0" +
      `SEND\ndestination:/topic/a\ntransaction:t\n\n${"x".repeat(900)}\0`.repeat(3) +
      send("destination:/topic/a\ntransaction:t", "x".repeat(900)),
    says: /more than 4096 bytes/,
  },
  "a SUBSCRIBE without an id": {
    input: "SUBSCRIBE\ndestination:/topic/a\nreceipt:r-1\n\n\0",
    says: /header id/,
  },
  "a SUBSCRIBE to an unknown destination": { input: subscribe("1", "/exchange/a"), says: /unknown/ },
  "a subscription id that is taken": {
    input: `SUBSCRIBE\nid:1\ndestination:/topic/a\n\n\0${subscribe("1", "/topic/b")}`,
    says: /subscription "1" already/,
  },
  "a subscription id over 255 bytes": { input: subscribe("x".repeat(256), "/topic/a"), says: /255 bytes/ },
  "more subscriptions than allowed": {
    input:
      ["1", "2", "3"].map((id) => `SUBSCRIBE\nid:${id}\ndestination:/topic/a\n\n\0`).join("\n") +
      subscribe("4", "/topic/a"),
    says: /more than 3 subscriptions/,
  },
  "a pattern of many words": {
    input: subscribe("1", `/topic/${"a.".repeat(32)}*`),
    says: /at most 32 words/,
  },
  "a pattern of many words between two #": {
    input: subscribe("1", `/topic/#${".a".repeat(9)}.#`),
    says: /at most 8 words between/,
  },
  "a pattern of many wildcards": {
    input: subscribe("1", `/topic/${"#.a.".repeat(17)}b`),
    says: /at most 16/,
  },
  "an ack mode that is not auto": {
    input: subscribe("1", "/topic/a", "ack:client\n"),
    says: /ack:client is not supported/,
  },
  "a bad x-stream-offset": {
    input: subscribe("1", "/topic/a", "x-stream-offset:newest\n"),
    says: /first, next, last, last=N with N from 1 to 10000, timestamp=SECONDS or a position, not "newest"/,
  },
  "the newest million": {
    input: subscribe("1", "/topic/a", "x-stream-offset:last=1000000\n"),
    says: /last=N with N from 1 to 10000, .*not "last=1000000"/,
  },
  "the newest none": {
    input: subscribe("1", "/topic/a", "x-stream-offset:last=0\n"),
    says: /last=N with N from 1 to 10000, .*not "last=0"/,
  },
  "a SUBSCRIBE to an app": { input: subscribe("1", "/app/prices"), says: /"\/app\/NAME" to send to/ },
  "a bad x-stream-after": {
    input: subscribe("1", "/topic/a", "x-stream-after:first\n"),
    says: /the x-stream-offset of a MESSAGE, not "first"/,
  },
  "two places to begin": {
    input: subscribe("1", "/topic/a", "x-stream-offset:first\nx-stream-after:1\n"),
    says: /say one/,
  },
  "an UNSUBSCRIBE of nothing": {
    input: "UNSUBSCRIBE\nid:1\nreceipt:r-1\n\n\0",
    says: /no subscription "1"/,
  },
  "an ACK": { input: "ACK\nid:1\nreceipt:r-1\n\n\0", says: /nothing to ACK/ },
  "a body where none belongs": {
    input: "UNSUBSCRIBE\nid:1\nreceipt:r-1\n\nbody\0",
    says: /only a SEND has a body/,
  },
};

describe("bad input from a STOMP client", () => {
  for (const [what, { input, says, receipt, unconnected }] of Object.entries(inputs)) {
    test(`${what} is answered with an ERROR, and nobody else notices`, async () => {
      await using system = startSystem(
        ["--max-message-bytes", "1KiB", "--max-transaction-bytes", "4KiB", "--max-subscriptions", "3"],
        () => undefined,
      );
      await using ben = await connectStomp(system.wsUrl("/ws"));
      const heard = await ben.subscribe("/topic/#");
      await using anna = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
      if (!unconnected) anna.send(connectFrame);
      anna.send(input);
      const error = String(await anna.next((frame) => String(frame).startsWith("ERROR\n")));
      expect(error).toMatch(says);
      expect(error).toMatch(/\nmessage:.{10,200}\n/);
      if (receipt !== false) expect(error).toContain("\nreceipt-id:r-1\n");
      expect((await anna.closed).code).toBe(1002);
      await ben.sendSafely("/topic/a", "still here");
      expect(heard.map(({ body }) => body)).toEqual(["still here"]);
      expect(system.logger.complaints).toEqual([]);
    });
  }

  test("frames behind one at fault are not obeyed", async () => {
    await using system = startSystem([], () => undefined);
    await using ben = await connectStomp(system.wsUrl("/ws"));
    const heard = await ben.subscribe("/topic/#");
    await using anna = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    anna.send(`${connectFrame}SHOUT\n\n\0${send("destination:/topic/a", "too late")}`);
    await anna.closed;
    await ben.sendSafely("/topic/a", "still here");
    expect(heard.map(({ body }) => body)).toEqual(["still here"]);
  });

  test("a WebSocket message far over the limit closes its sender with 1009", async () => {
    await using system = startSystem(["--max-message-bytes", "1KiB"]);
    await using anna = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    anna.send("x".repeat(1024 + 64 * 1024 + 1));
    expect((await anna.closed).code).toBe(1009);
  });
});
