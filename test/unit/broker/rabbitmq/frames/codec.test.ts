import { describe, expect, test } from "bun:test";
import type { ConsumeMessage } from "amqplib";
import { fromDelivery, offsetOf } from "../../../../../src/broker/rabbitmq/frames/codec.ts";
import { open } from "../../../../../src/envelope/envelope.ts";
import { isName } from "../../../../../src/message.ts";
import { envelopeOf } from "../../../doubles/envelope.ts";

function delivery(
  properties: Readonly<Record<string, unknown>>,
  routingKey = "",
  content = "",
): ConsumeMessage {
  return { content: Buffer.from(content), fields: { routingKey }, properties } as unknown as ConsumeMessage;
}

describe("a delivery", () => {
  test("of a program that says everything is read whole", () => {
    const properties = {
      contentType: "text/plain",
      messageId: "m-1",
      timestamp: 1234,
      appId: "app",
      contentEncoding: "gzip",
      correlationId: "c-7",
      replyTo: "answers",
      type: "order",
      priority: 5,
      expiration: "1000",
      headers: { "client-id": "c-1", mine: "own", type: "no property" },
    };
    expect(fromDelivery(delivery(properties, "a.b", "text"))).toEqual({
      body: Buffer.from("text"),
      routingKey: "a.b",
      contentType: "text/plain",
      messageId: "m-1",
      timestamp: 1234,
      appId: "app",
      clientId: "c-1",
      headers: {
        mine: "own",
        "content-encoding": "gzip",
        "correlation-id": "c-7",
        "reply-to": "answers",
        type: "order",
        priority: "5",
        expiration: "1000",
        "app-id": "app",
      },
    });
  });

  test("names the pack that it was taken out of, to nobody but Warren", () => {
    const read = fromDelivery(delivery({ messageId: "m-2", headers: { "warren-pack": "m-1" } }));
    expect(read).toMatchObject({ packId: "m-1", headers: undefined });
  });

  test("says its content type among the headers if it says more than whether it is text", () => {
    const typeOf = (contentType: string) => fromDelivery(delivery({ contentType })).headers?.["content-type"];
    expect(typeOf("application/json")).toBe("application/json");
    expect([typeOf("text/plain"), typeOf("application/octet-stream")]).toEqual([undefined, undefined]);
  });

  test("of a Warren process has no app id of its own", () => {
    const ofManager = { appId: "manager-1a", messageId: "manager-1a-17" };
    expect(fromDelivery(delivery(ofManager))).toMatchObject({ appId: "manager-1a", headers: undefined });
    expect(fromDelivery(delivery({ ...ofManager, appId: "shop" })).headers).toEqual({ "app-id": "shop" });
  });

  test.each([
    ["a priority", { priority: 256 }],
    ["an expiration", { expiration: "soon" }],
    ["an expiration beyond RabbitMQ's", { expiration: "4294967296" }],
    ["a reply queue of RabbitMQ's own", { replyTo: "amq.rabbitmq.reply-to" }],
    ["a type with a NUL", { type: "a\0b" }],
    ["a correlation id that grows beyond 255 bytes", { correlationId: "\ufffd".repeat(100) }],
  ])("leaves out %s that AMQP could not carry again", (_, properties) => {
    expect(fromDelivery(delivery(properties)).headers).toBeUndefined();
  });

  test("keeps every digit of an integer", () => {
    const headers = { "client-id": 175928847299117063n, order: -9007199254740993n };
    expect(fromDelivery(delivery({ headers }))).toMatchObject({
      clientId: "175928847299117063",
      headers: { order: "-9007199254740993" },
    });
  });

  test.each([
    ["says nothing", {}],
    ["has no headers", { headers: undefined }],
    ["has empty texts", { contentType: "", messageId: "", appId: "", headers: { "client-id": "" } }],
    [
      "has everything of the wrong type",
      { contentType: {}, messageId: {}, timestamp: "now", appId: null, headers: { "client-id": null } },
    ],
    ["has NULs in its texts", { contentType: "a\0", messageId: "a\0MESSAGE", appId: "\0" }],
    ["has only what brokers add", { headers: { "x-death": [{}], "x-stream-offset": 5 } }],
    [
      "has headers that RabbitMQ or Warren takes for its own",
      { headers: { CC: "x", BCC: "x", "warren-trace": "" } },
    ],
    [
      "has headers whose names AMQP could not carry again",
      { headers: { "": "x", ["\ufffd".repeat(100)]: "x" } },
    ],
    [
      "has headers that are no texts",
      {
        headers: {
          table: { a: 1 },
          "table like a time": { "!": "timestamp", value: [1] },
          list: [1],
          nothing: null,
          bytes: Buffer.from([0xff]),
          decimal: { "!": "decimal", value: { places: 1, digits: 5 } },
        },
      },
    ],
  ])("of a program that %s is read as if these were absent", (_, properties) => {
    expect(fromDelivery(delivery(properties))).toEqual(envelopeOf());
  });

  test.each([true, "", null])("is a copy of what comes in a pack, where its header says so: %p", (value) => {
    const envelope = fromDelivery(delivery({ headers: { "warren-copy": value, mine: "own" } }));
    expect(envelope).toMatchObject({ isCopy: true, headers: { mine: "own" } });
    expect(open(envelope, "?")).toEqual([]);
  });

  test.each([
    ["a number", 7, "7"],
    ["bytes", Buffer.from("c-1"), "c-1"],
  ])("is for one client, where its client id is %s", (_, id, clientId) => {
    expect(fromDelivery(delivery({ headers: { "client-id": id } })).clientId).toBe(clientId);
  });

  test.each([
    ["a table", { a: 1 }],
    ["a list", ["c-1"]],
    ["a switch", true],
    ["a fraction", 0.5],
    ["no number", Number.NaN],
    ["a decimal", { "!": "decimal", value: { places: 1, digits: 5 } }],
    ["longer than any", "x".repeat(256)],
  ])("is for nobody, and not for all, where its client id is %s", (_, id) => {
    const { clientId } = fromDelivery(delivery({ headers: { "client-id": id } }));
    expect(clientId).toBeDefined();
    expect(isName(clientId!)).toBe(false);
  });

  test("has numbers, switches, times and texts in bytes of other programs as texts", () => {
    const at = { "!": "timestamp", value: 1_700_000_000 };
    const never = { "!": "timestamp", value: 2n ** 64n - 1n };
    const headers = {
      count: 3,
      ratio: 0.5,
      isUrgent: false,
      note: "",
      at,
      never,
      name: Buffer.from("größe"),
    };
    expect(fromDelivery(delivery({ headers })).headers).toEqual({
      count: "3",
      ratio: "0.5",
      isUrgent: "false",
      note: "",
      at: "1700000000",
      never: "18446744073709551615",
      name: "größe",
    });
  });
});

describe("the offset of a delivery from the log", () => {
  test("is in its headers", () => {
    expect(offsetOf(delivery({ headers: { "x-stream-offset": 0 } }))).toBe(0);
    expect(offsetOf(delivery({ headers: { "x-stream-offset": 2 ** 40 } }))).toBe(2 ** 40);
  });

  test.each([{}, { headers: {} }, { headers: { "x-stream-offset": "5" } }])(
    "that is missing is heard of: %j",
    (given) => {
      expect(() => offsetOf(delivery(given))).toThrow("without x-stream-offset");
    },
  );
});
