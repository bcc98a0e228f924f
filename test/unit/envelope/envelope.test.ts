import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { open, seal, toBuffer } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import { MalformedPack } from "../../../src/envelope/unpacking.ts";
import { anyBytes, anyMessage } from "../doubles/arbitraries.ts";
import { envelopeOf } from "../doubles/envelope.ts";
import { rounds } from "../doubles/rounds.ts";

describe("sealing", () => {
  test("and opening gives the same message, with its id, time and publisher", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        // Bytes that say they are bytes stay bytes, even where they are UTF-8.
        const [opened, ...more] = open(seal(message, "id-1", "manager-1", 1234), "unnamed");
        expect(more).toEqual([]);
        const { body, ...rest } = opened!;
        expect(rest).toEqual({
          topic: message.topic,
          clientId: message.clientId,
          headers: message.headers,
          id: "id-1",
          appId: "manager-1",
          timestamp: 1234,
        });
        expect(typeof body).toBe(typeof message.body);
        expect(toBuffer(body)).toEqual(toBuffer(message.body));
      }),
      rounds(300),
    );
  });

  test("keeps an id that a message has of its own, alone and in a pack", () => {
    const own = { body: "one", topic: "a", id: "m-1/g/1" };
    const bytes = { body: Buffer.from([0xff]), topic: "a", id: "m-1/g/2", headers: { mine: "own" } };
    expect(open(seal(own, "p-1", "p", 1), "?")[0]!.id).toBe("m-1/g/1");
    const packed = envelopeOf({
      body: pack([own, { body: "two", topic: "b" }, bytes]),
      contentType: packedContentType,
      messageId: "p-7",
    });
    expect(open(packed, "?").map(({ id }) => id)).toEqual(["m-1/g/1", "p-8", "m-1/g/2"]);
  });

  test("writes a text message that any program reads: its bytes, its topic as routing key, text/plain", () => {
    expect(seal({ body: "grüße", topic: "a.b", clientId: "c-1" }, "id", "app", 5)).toEqual(
      envelopeOf({
        body: Buffer.from("grüße", "utf8"),
        routingKey: "a.b",
        contentType: "text/plain",
        messageId: "id",
        timestamp: 5,
        appId: "app",
        clientId: "c-1",
      }),
    );
  });

  test("writes bytes as application/octet-stream", () => {
    const sealed = seal({ body: new Uint8Array([0xff, 0]), topic: "" }, "id", "app", 5);
    expect(sealed.contentType).toBe("application/octet-stream");
    expect(sealed.body).toEqual(Buffer.from([0xff, 0]));
  });
});

describe("what a message says of itself", () => {
  const headers = { "content-type": "application/json", "app-id": "shop", timestamp: "77" };

  test("is said by its envelope", () => {
    expect(seal({ body: "{}", topic: "", headers }, "id", "app", 77)).toMatchObject({
      contentType: "application/json",
      appId: "shop",
      timestamp: 77,
    });
  });

  test("is said in a pack too, each for itself", () => {
    const body = pack([
      { body: "{}", topic: "", headers },
      { body: "x", topic: "" },
    ]);
    const envelope = envelopeOf({
      body,
      contentType: packedContentType,
      messageId: "app-1",
      appId: "app",
      timestamp: 5,
    });
    expect(open(envelope, "unnamed").map(({ appId, timestamp }) => [appId, timestamp])).toEqual([
      ["shop", 77],
      ["app", 5],
    ]);
  });

  test("is left out of a pack where it is nothing that AMQP could carry", () => {
    const bad = {
      priority: "high",
      expiration: "-1",
      "reply-to": "amq.rabbitmq.reply-to",
      type: "x".repeat(256),
    };
    const body = pack([{ body: "x", topic: "", headers: { ...bad, mine: "own" } }]);
    const [message] = open(envelopeOf({ body, contentType: packedContentType }), "unnamed");
    expect(message!.headers).toEqual({ mine: "own" });
  });
});

describe("opening what another program published", () => {
  test.each([
    ["says text/plain", "text/plain", "text", "text"],
    ["says nothing and is UTF-8", undefined, "text", "text"],
    ["says that it is JSON", "application/json", '{"a":1}', '{"a":1}'],
    ["says that it is JSON of a kind", "application/ld+json; charset=utf-8", "{}", "{}"],
    ["says that it is XML of a kind", "image/svg+xml", "<svg/>", "<svg/>"],
    ["says that it is a form", "application/x-www-form-urlencoded", "a=b", "a=b"],
    ["says that it is JavaScript", "application/javascript", "0", "0"],
    ["says in capitals that it is text", "TEXT/CSV", "a,b", "a,b"],
    ["says text/plain with a charset", "text/plain; charset=utf-8", "text", "text"],
    ["says text/plain and is empty", "text/plain", "", ""],
    ["begins with a byte order mark", "text/plain", "\ufeffx", "\ufeffx"],
  ])("what %s is text", (_, contentType, sent, read) => {
    const [message] = open(envelopeOf({ contentType, body: Buffer.from(sent, "utf8") }), "unnamed");
    expect(message!.body).toBe(read);
  });

  test.each([
    ["says application/octet-stream, even where it is UTF-8", "application/octet-stream", "text"],
    ["says that it is an image, even where it is UTF-8", "image/png", "text"],
    ["says what only sounds like JSON", "application/jsonish", "text"],
    ["says nothing and is not UTF-8", undefined, "\u00ff\u00fe"],
    ["says text/plain but is not UTF-8", "text/plain", "\u00ff\u00fe"],
    ["says text/plain but is cut within a character", "text/plain", "\u00c3"],
    ["says text/plain but encodes a surrogate", "text/plain", "\u00ed\u00a0\u0080"],
  ])("what %s is bytes, unchanged", (_, contentType, latin1) => {
    const body = Buffer.from(latin1, "latin1");
    const [message] = open(envelopeOf({ contentType, body }), "unnamed");
    expect(message!.body).toBeInstanceOf(Uint8Array);
    expect(message!.body).toEqual(body);
  });

  test("whatever it is, its bytes are not changed", () => {
    const contentType = fc.constantFrom(undefined, "text/plain", "application/octet-stream", "image/png");
    fc.assert(
      fc.property(contentType, anyBytes, (type, bytes) => {
        const [message] = open(envelopeOf({ contentType: type, body: Buffer.from(bytes) }), "unnamed");
        expect(toBuffer(message!.body)).toEqual(Buffer.from(bytes));
      }),
      rounds(300),
    );
  });

  test("gives a message without an id the fallback, and leaves unknown what it does not say", () => {
    expect(open(envelopeOf({ body: Buffer.from("x") }), "wsmanager@7")).toEqual([
      {
        id: "wsmanager@7",
        body: "x",
        topic: "",
        clientId: undefined,
        headers: undefined,
        appId: undefined,
        timestamp: undefined,
      },
    ]);
  });
});

describe("opening a packed one", () => {
  const packed = pack([
    { body: "one", topic: "a", clientId: "c" },
    { body: "two", topic: "b" },
  ]);

  test("numbers its messages behind its id, so that each is unique and the same after a redelivery", () => {
    const envelope = envelopeOf({ contentType: packedContentType, messageId: "m-1", body: packed });
    const ids = () => open(envelope, "unnamed").map(({ id }) => id);
    expect(ids()).toEqual(["m-1", "m-2"]);
    expect(ids()).toEqual(ids());
  });

  test("takes topic and client from each message, and publisher and time from the envelope", () => {
    const envelope = envelopeOf({
      contentType: packedContentType,
      body: packed,
      appId: "manager-1",
      timestamp: 9,
      routingKey: "not this",
      clientId: "nor this",
    });
    expect(
      open(envelope, "f").map(({ id, topic, clientId, appId, timestamp }) => [
        id,
        topic,
        clientId,
        appId,
        timestamp,
      ]),
    ).toEqual([
      ["f-0", "a", "c", "manager-1", 9],
      ["f-1", "b", undefined, "manager-1", 9],
    ]);
  });

  test("that is none throws MalformedPack", () => {
    const envelope = envelopeOf({ contentType: packedContentType, body: Buffer.from("plain text") });
    expect(() => open(envelope, "unnamed")).toThrow(MalformedPack);
  });
});

test("turns a body into a buffer without a copy, and only the part that a view shows", () => {
  const whole = new Uint8Array([1, 2, 3, 4]);
  const part = toBuffer(whole.subarray(1, 3));
  expect(part).toEqual(Buffer.from([2, 3]));
  expect(part.buffer).toBe(whole.buffer);
});
