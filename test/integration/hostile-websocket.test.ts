import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, type FrameOptions, frameBytes, opcodes, type RawConnection } from "../support/raw.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { within } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const { continuation, text, binary, close, ping, pong } = opcodes;
const frame = (opcode: number, payload: Uint8Array | string = "x", options: FrameOptions = {}) =>
  frameBytes(opcode, payload, options);
const piece = (opcode: number, payload: Uint8Array | string = "x") =>
  frameBytes(opcode, payload, { final: false });
const bytes = (...values: number[]) => Uint8Array.from(values);
const closing = (code: number, reason: Uint8Array | string = "") =>
  frame(close, Buffer.concat([bytes(code >> 8, code & 0xff), Buffer.from(reason as string)]));
/** A length in its longest form. */
const declared = (...length: number[]) => ({ length: [127, ...length] });

/** What RFC 6455 forbids, in its section's order, and the code that it asks for (7.4.1). */
const violations: Record<string, [code: number, ...frames: Buffer[]]> = {
  "an unmasked text frame (5.1)": [1002, frame(text, "hi", { masked: false })],
  "an unmasked ping (5.1)": [1002, frame(ping, "hi", { masked: false })],
  "an unmasked close (5.1)": [1002, frame(close, bytes(3, 232), { masked: false })],
  "HTTP where frames belong (5.1)": [1002, Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  "RSV1, as if it were compressed (5.2)": [1002, frame(text, "hi", { reserved: 4 })],
  "RSV2 (5.2)": [1002, frame(text, "hi", { reserved: 2 })],
  "RSV3 (5.2)": [1002, frame(text, "hi", { reserved: 1 })],
  "RSV1 on a ping (5.2)": [1002, frame(ping, "hi", { reserved: 4 })],
  "RSV1 on a continuation (5.2)": [1002, piece(text), frame(continuation, "x", { reserved: 4 })],
  ...Object.fromEntries(
    [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`opcode ${opcode} (5.2)`, [1002, frame(opcode)]]),
  ),
  "a continuation without a start (5.4)": [1002, frame(continuation)],
  "a continuation without a start or an end (5.4)": [1002, piece(continuation)],
  "text within a fragmented message (5.4)": [1002, piece(text), frame(text)],
  "bytes within a fragmented message (5.4)": [1002, piece(text), piece(binary)],
  "a fragmented ping (5.5)": [1002, piece(ping)],
  "a fragmented pong (5.5)": [1002, piece(pong)],
  "a fragmented close (5.5)": [1002, piece(close, bytes(3, 232))],
  "a ping of 126 bytes (5.5)": [1002, frame(ping, "x".repeat(126))],
  "a pong of 126 bytes (5.5)": [1002, frame(pong, "x".repeat(126))],
  "a close of 126 bytes (5.5)": [1002, closing(1000, "x".repeat(124))],
  "a ping with a long form of its length (5.5)": [1002, frame(ping, "hi", declared(0, 0, 0, 0, 0, 0, 0, 2))],
  "a close of one byte (5.5.1)": [1002, frame(close, bytes(3))],
  "a close reason that is not UTF-8 (5.5.1)": [1007, closing(1000, bytes(0xff, 0xfe))],
  ...Object.fromEntries(
    [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => [
      `the close code ${code} (7.4)`,
      [1002, closing(code)],
    ]),
  ),
  "text that is not UTF-8 (8.1)": [1007, frame(text, bytes(0x68, 0xff))],
  "text that is not UTF-8 in its last fragment (8.1)": [
    1007,
    piece(text, bytes(0xce)),
    piece(continuation, bytes(0xba)),
    frame(continuation, bytes(0xe2, 0x28, 0xa1)),
  ],
  "text that ends within a character (8.1)": [1007, piece(text, bytes(0xe2, 0x82)), frame(continuation, "")],
  "a surrogate in UTF-8 (8.1)": [1007, frame(text, bytes(0xed, 0xa0, 0x80))],
  "an overlong slash (8.1)": [1007, frame(text, bytes(0xc0, 0xaf))],
  "a message over the limit, by what it declares (10.4)": [
    1009,
    frame(binary, "x", declared(0, 0, 0, 0, 0, 2, 0, 0)),
  ],
  "a length of 4 GiB (10.4)": [1009, frame(binary, "x", declared(0, 0, 0, 1, 0, 0, 0, 0))],
  "a length of 2^63 - 1 (10.4)": [
    1009,
    frame(binary, "x", declared(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  ],
  "a message over the limit, by its fragments (10.4)": [
    1009,
    piece(binary, "x".repeat(1000)),
    ...Array.from({ length: 70 }, () => piece(continuation, "x".repeat(1000))),
  ],
  // The RFC has no such length and names no code for it; 1002 would be as right.
  "a length of 2^63, which has no place in the format (5.2)": [
    1009,
    frame(binary, "x", declared(0x80, 0, 0, 0, 0, 0, 0, 0)),
  ],
};

/** A system and an innocent client in it. */
async function surroundings() {
  const system = startSystem(["--max-message-bytes", "1KiB"], () => undefined);
  const ben = await connect(system.wsUrl("/ws"));
  return {
    system,
    ben,
    rawClient: () => connectRaw(system.url.href, "/ws"),
    async [Symbol.asyncDispose]() {
      await ben.close();
      await system[Symbol.asyncDispose]();
    },
  };
}

describe("what RFC 6455 forbids", () => {
  for (const [what, [code, ...frames]] of Object.entries(violations)) {
    test(`${what} closes its sender with ${code}, and nobody else notices`, async () => {
      await using around = await surroundings();
      const { system, ben } = around;
      await using mallory = await around.rawClient();
      await using anna = await connect(system.wsUrl("/ws"));
      mallory.sendBytes(Buffer.concat(frames));
      expect(await mallory.closeCode()).toBe(code);
      anna.send("still here");
      expect(await ben.next()).toBe("still here");
      expect(ben.received).toEqual(["still here"]);
      expect(system.logger.complaints).toEqual([]);
    });
  }

  test("in byte-sized pieces it is the same", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    for (const byte of frame(text, bytes(0x68, 0xff))) mallory.sendBytes(bytes(byte));
    expect(await mallory.closeCode()).toBe(1007);
  });

  test("is let pass where it harms nobody: a length that is not in its shortest form (5.2)", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    mallory.sendBytes(frame(text, "hi", { length: [126, 0, 2] }));
    mallory.sendBytes(frame(text, "ho", declared(0, 0, 0, 0, 0, 0, 0, 2)));
    expect(await around.ben.next()).toBe("hi");
    expect(await around.ben.next()).toBe("ho");
  });
});

describe("what RFC 6455 allows, odd as it is", () => {
  test("a message in a thousand tiny fragments is one message", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    mallory.sendBytes(piece(text, "a"));
    for (let count = 0; count < 998; count++) mallory.sendBytes(piece(continuation, "b"));
    mallory.sendBytes(frame(continuation, "c"));
    expect(await around.ben.next()).toBe(`a${"b".repeat(998)}c`);
  });

  test("a hundred thousand empty fragments are one empty message, and hold up nobody", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    await using anna = await connect(around.system.wsUrl("/ws?topic=other"));
    mallory.sendBytes(piece(text, ""));
    const many = Buffer.concat(Array.from({ length: 1000 }, () => piece(continuation, "")));
    for (let count = 0; count < 100; count++) await mallory.flood(many);
    mallory.sendBytes(frame(continuation, ""));
    expect(await around.ben.next()).toBe("");
    anna.send("still here");
  });

  test("a ping between fragments is answered at once, and a pong unasked for is ignored", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    mallory.sendBytes(Buffer.concat([piece(text, "a"), frame(ping, "p"), frame(pong, "unasked")]));
    await mallory.frame(({ opcode }) => opcode === pong);
    mallory.sendFrame(continuation, "b");
    expect(await around.ben.next()).toBe("ab");
  });

  for (const code of [1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999]) {
    test(`the close code ${code} is given back`, async () => {
      await using around = await surroundings();
      await using mallory = await around.rawClient();
      mallory.sendBytes(closing(code));
      expect(await mallory.closeCode()).toBe(code);
    });
  }

  test("a close without a code is answered without one", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    mallory.sendBytes(frame(close, ""));
    await within(mallory.ended, "the connection to end");
    expect(mallory.frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([[close, 0]]);
  });
});

describe("compression", () => {
  test("is not agreed on, whatever is offered, and a bomb is refused unopened", async () => {
    await using around = await surroundings();
    const offers = "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame";
    await using mallory = await connectRaw(around.system.url.href, "/ws", {
      headers: { "Sec-WebSocket-Extensions": offers },
    });
    expect(mallory.head.toLowerCase()).not.toContain("sec-websocket-extensions");
    const bomb = deflateRawSync(Buffer.alloc(64 * 1024 ** 2));
    mallory.sendBytes(frame(binary, bomb.subarray(0, 1000), { reserved: 4 }));
    expect(await mallory.closeCode()).toBe(1002);
    expect(around.ben.received).toEqual([]);
  });
});

describe("a connection that has ended on one side", () => {
  test("text behind a close is not read", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    await using anna = await connect(around.system.wsUrl("/ws"));
    mallory.sendBytes(Buffer.concat([closing(1000), frame(text, "late"), closing(1001)]));
    expect(await mallory.closeCode()).toBe(1000);
    anna.send("still here");
    expect(await around.ben.next()).toBe("still here");
  });

  test("what came before a half-close without a close frame is read, and the connection ends", async () => {
    await using around = await surroundings();
    await using mallory = await around.rawClient();
    mallory.sendFrame(text, "last words");
    mallory.sendEnd();
    expect(await around.ben.next()).toBe("last words");
    await within(mallory.ended, "the connection to end");
  });

  test("a client that still sends after the server's close is cut off", async () => {
    await using around = await surroundings();
    await using mallory = await connectRaw(around.system.url.href, "/ws", { staysHalfOpen: true });
    mallory.sendBytes(frame(text, "x", { reserved: 4 }));
    await mallory.frame(({ opcode }) => opcode === close);
    // Bun gives the other side some seconds to end the connection too.
    while (await mallory.flood(frame(text, "more"))) await Bun.sleep(100);
    expect(around.ben.received).toEqual([]);
  });
});

describe("frames begun and never finished", () => {
  test("are nobody else's business", async () => {
    await using around = await surroundings();
    const clients: RawConnection[] = [];
    try {
      for (let count = 0; count < 200; count++) {
        const client = await around.rawClient();
        client.sendBytes(frame(binary, "x", declared(0, 0, 0, 0, 0, 1, 0, 0)));
        clients.push(client);
      }
      await using anna = await connect(around.system.wsUrl("/ws"));
      anna.send("still here");
      expect(await around.ben.next()).toBe("still here");
      expect((await metricsOf(around.system.url))["warren_clients"]).toBe(202);
    } finally {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    }
  });
});
