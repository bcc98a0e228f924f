import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { pack } from "../../../src/envelope/packing.ts";
import { headsIn, MalformedPack, topicsIn, unpack } from "../../../src/envelope/unpacking.ts";
import type { OutgoingMessage } from "../../../src/message.ts";
import { anyBytes, anyMessage } from "../doubles/arbitraries.ts";
import { rounds } from "../doubles/rounds.ts";

/** Bytes compare as bytes, whichever class holds them. */
function plain({ body, topic, clientId, headers }: OutgoingMessage) {
  return {
    body: typeof body === "string" ? body : [...body],
    topic,
    clientId,
    headers: headers && { ...headers },
  };
}

test("unpacks exactly what was packed, in order", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 8 }), (messages) => {
      expect(unpack(pack(messages)).map(plain)).toEqual(messages.map(plain));
    }),
    rounds(200),
  );
});

test("what is text stays text and what is bytes stays bytes, even where the two look the same", () => {
  const bodies = ["same", new TextEncoder().encode("same"), "", new Uint8Array()];
  const unpacked = unpack(pack(bodies.map((body) => ({ body, topic: "" }))));
  expect(unpacked.map(({ body }) => typeof body)).toEqual(["string", "object", "string", "object"]);
});

test("a view of a larger buffer packs only what it shows", () => {
  const whole = new Uint8Array([1, 2, 3, 4, 5]);
  const [message] = unpack(pack([{ body: whole.subarray(1, 3), topic: "" }]));
  expect(message!.body).toEqual(Buffer.from([2, 3]));
});

test("half a surrogate pair does not shift the bodies behind it", () => {
  const unpacked = unpack(
    pack([
      { body: "half \ud834", topic: "" },
      { body: "whole", topic: "" },
    ]),
  );
  expect(unpacked.map(({ body }) => body)).toEqual(["half \ufffd", "whole"]);
});

test("the topics of a pack are read from its first line, each once, and nothing else is looked at", () => {
  const messages = ["a", "b.c", "a", ""].map((topic) => ({ topic, body: "text" }));
  const packed = pack(messages);
  expect(topicsIn(packed)).toEqual(["a", "b.c", ""]);
  const lineEnd = packed.indexOf("\n");
  expect(topicsIn(Buffer.concat([packed.subarray(0, lineEnd + 1), Buffer.from("rubbish")]))).toEqual([
    "a",
    "b.c",
    "",
  ]);
});

test("a pack of the version before, whose entries have their topics, is read, though its topics are not told", () => {
  const packed = Buffer.from(
    '[["a.b","c",2],["",null,1,{"bytes":true,"headers":{"k":"v"}}],["a.b",null,1,null,"id-1"]]\nhi\u0001!',
  );
  expect(topicsIn(packed)).toBeUndefined();
  expect(unpack(packed)).toEqual([
    { topic: "a.b", clientId: "c", body: "hi", headers: undefined },
    { topic: "", clientId: undefined, body: Buffer.from([1]), headers: { k: "v" } },
    { topic: "a.b", clientId: undefined, body: "!", headers: undefined, id: "id-1" },
  ]);
});

test("what a pack says of its messages is read without their bodies", () => {
  const packed = pack([
    { topic: "a", clientId: "c", body: "one" },
    { topic: "b", body: new Uint8Array([1, 2]), id: "own", isRequest: true },
  ]);
  expect(headsIn(packed)).toMatchObject([
    { topic: "a", clientId: "c", id: undefined, isRequest: false, isBytes: false },
    { topic: "b", clientId: undefined, id: "own", isRequest: true, isBytes: true },
  ]);
});

test("packs nothing as nothing", () => {
  expect(unpack(pack([]))).toEqual([]);
});

test("what says that it is text but is not UTF-8 comes out as bytes", () => {
  const packed = Buffer.concat([Buffer.from('[["",null,2]]\n'), Buffer.from([0xff, 0x41])]);
  expect(unpack(packed)[0]!.body).toEqual(Buffer.from([0xff, 0x41]));
});

test("the replacement character itself is text", () => {
  const [message] = unpack(pack([{ body: "a \ufffd b", topic: "" }]));
  expect(message!.body).toBe("a \ufffd b");
});

test("headers in a pack that are not an application's to set are left out", () => {
  const own = { cc: "x", x: "y" };
  const reserved = { CC: "x", BCC: "x", "x-death": "x", "warren-copy": "x", "": "x" };
  const [some, none] = unpack(
    pack([
      { body: "", topic: "", headers: { ...own, ...reserved } },
      { body: "", topic: "", headers: reserved },
    ]),
  );
  expect(some!.headers).toEqual(own);
  expect(none!.headers).toBeUndefined();
});

describe("a pack that does not follow the format", () => {
  const unpacking = (packed: Buffer) => {
    try {
      return unpack(packed);
    } catch (error) {
      return error;
    }
  };

  test("is malformed and nothing worse, whatever its bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const outcome = unpacking(Buffer.from(bytes));
        if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(MalformedPack);
      }),
      rounds(),
    );
  });

  test("since one of its lines is millions of names or entries is malformed, and they are not even read", () => {
    const line = `[${'"a",'.repeat(2 ** 20)}"a"]\n`;
    const topics = Buffer.from(`${line}[[0,null,1]]\nx`);
    expect(topicsIn(topics)).toBeUndefined();
    expect(unpacking(topics)).toBeInstanceOf(MalformedPack);
    const entries = Buffer.from(`["a"]\n[${"[0,null,0],".repeat(2 ** 18)}[0,null,0]]\n`);
    expect(unpacking(entries)).toBeInstanceOf(MalformedPack);
    expect(String(unpacking(entries))).toContain("more than 2097152 bytes");
  });

  test("is malformed and nothing worse, whatever JSON its line is", () => {
    const entry = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue(), { maxLength: 5 }));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(entry)), anyBytes, (line, bodies) => {
        const outcome = unpacking(Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), bodies]));
        if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(MalformedPack);
      }),
      rounds(200),
    );
  });

  test("is malformed wherever it is cut off", () => {
    const packed = pack([
      { body: "text", topic: "a.b", clientId: "c", headers: { key: "value" } },
      { body: new Uint8Array([1, 2, 3]), topic: "" },
    ]);
    for (let length = 0; length < packed.length; length++) {
      expect(unpacking(packed.subarray(0, length))).toBeInstanceOf(MalformedPack);
    }
  });

  test("or has bytes behind its end is malformed", () => {
    const packed = Buffer.concat([pack([{ body: "text", topic: "" }]), Buffer.from("x")]);
    expect(() => unpack(packed)).toThrow(MalformedPack);
  });

  test.each([
    ["no line", ""],
    ["no line end", "[]"],
    ["no JSON", "{\n"],
    ["no array", "{}\n"],
    ["nothing but null", "null\n"],
    ["an entry that is no array", "[{}]\n"],
    ["an empty entry", "[[]]\n"],
    ["a topic that is no text", "[[1,null,0]]\n"],
    ["a topic of more than 255 bytes", `[["${"é".repeat(128)}",null,0]]\n`],
    ["a client id of more than 255 bytes", `[["","${"c".repeat(256)}",0]]\n`],
    ["a client id that is no text", '[["",{},0]]\n'],
    ["no client id", '[[""]]\n'],
    ["a length that is no number", '[["",null,"0"]]\n'],
    ["a length that is not whole", '[["",null,0.5]]\n'],
    ["a negative length", '[["",null,-1]]\n'],
    ["a negative length that another makes up for", '[["",null,-1],["",null,1]]\n'],
    ["a length beyond its end", '[["",null,1]]\n'],
    ["a gigantic length", '[["",null,9007199254740993]]\n'],
    ["particulars that are no object", '[["",null,0,[]]]\n'],
    ["particulars that are null", '[["",null,0,null]]\n'],
    ["bytes that is neither true nor false", '[["",null,0,{"bytes":1}]]\n'],
    ["headers that are an array", '[["",null,0,{"headers":["a"]}]]\n'],
    ["headers that are null", '[["",null,0,{"headers":null}]]\n'],
    ["a header that is no text", '[["",null,0,{"headers":{"a":1}}]]\n'],
    ["a header's name of more than 255 bytes", `[["",null,0,{"headers":{"${"h".repeat(256)}":""}}]]\n`],
    ["no second line", '["a"]\n'],
    ["no end of its second line", '["a"]\n[[0,null,0]]'],
    ["a second line of topics", '["a"]\n["b"]\n'],
    ["a topic that its first line does not have", '["a"]\n[[1,null,0]]\n'],
    ["a place of a topic before the first", '["a"]\n[[-1,null,0]]\n'],
    ["a place of a topic that is not whole", '["a"]\n[[0.5,null,0]]\n'],
    ["a place of a topic that is text", '["a"]\n[["0",null,0]]\n'],
    ["a place of a topic in a pack without topics", "[[0,null,0]]\n"],
    ["a topic of more than 255 bytes in its first line", `["${"é".repeat(128)}"]\n[[0,null,0]]\n`],
    ["topics and something else in its first line", '["a",[0,null,0]]\n[[0,null,0]]\n'],
    ["more messages than allowed, all of one topic", `["a"]\n[${Array(10_001).fill("[0,null,0]")}]\n`],
    ["more messages than allowed", `[${Array(10_001).fill('["",null,0]')}]\n`],
    ["a hundred thousand brackets", `${"[".repeat(100_000)}\n`],
  ])("with %s is malformed", (_, packed) => {
    expect(() => unpack(Buffer.from(packed))).toThrow(MalformedPack);
  });
});
