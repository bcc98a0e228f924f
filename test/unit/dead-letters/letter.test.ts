import { describe, expect, test } from "bun:test";
import type { GetMessage } from "amqplib";
import { bodyOf, type DeadLetter, letterOf } from "../../../src/dead-letters/letter.ts";
import { detailOf, jsonOf, rowOf } from "../../../src/dead-letters/print.ts";

const nowMs = 1_800_000_000_000;

function got(headers: Record<string, unknown>, properties: Record<string, unknown> = {}): DeadLetter {
  return letterOf({
    content: Buffer.from("body"),
    fields: { routingKey: "orders.new" },
    properties: { headers, ...properties },
  } as unknown as GetMessage);
}

const buried = {
  "client-id": "anna",
  colour: "red",
  "dead-reason": "no such order",
  "dead-attempts": "3",
  "dead-group": "billing",
  "dead-message-id": "manager-1-7",
};

describe("a dead letter", () => {
  test("from a processor tells whose it was, why it failed, and what its publisher set", () => {
    const { body: _, ...letter } = got(buried, {
      messageId: "p-dead-1",
      timestamp: 1_799_999_940,
      contentType: "text/plain",
    });
    expect(letter).toEqual({
      id: "manager-1-7",
      group: "billing",
      reason: "no such order",
      attempts: 3,
      atMs: 1_799_999_940_000,
      sentAt: undefined,
      topic: "orders.new",
      client: "anna",
      contentType: "text/plain",
      headers: { "client-id": "anna", colour: "red" },
    });
  });

  test("that RabbitMQ made tells its group by the queue it was in", () => {
    const letter = got(
      {
        "client-id": "anna",
        "x-delivery-count": 21,
        "x-death": [{ queue: "wsmanager.billing", reason: "delivery_limit", time: { value: 1_799_999_000 } }],
      },
      { messageId: "manager-1-8", timestamp: 5 },
    );
    expect(letter).toMatchObject({
      id: "manager-1-8",
      group: "billing",
      reason: "RabbitMQ: delivery_limit",
      // The looks at the dead letter are what RabbitMQ counts there.
      attempts: undefined,
      atMs: 1_799_999_000_000,
      headers: { "client-id": "anna" },
    });
  });

  test("of a message that had no id has its own", () => {
    const letter = got({ ...buried, "dead-message-id": "unnamed" }, { messageId: "processor-1-dead-4" });
    expect(letter.id).toBe("processor-1-dead-4");
  });

  test("that RabbitMQ made is not told by headers of the client's own", () => {
    const death = { queue: "wsmanager.billing", reason: "expired", time: { value: 1_799_999_000 } };
    expect(
      got({ ...buried, "dead-group": "another", "x-death": [death] }, { messageId: "m-1" }),
    ).toMatchObject({
      id: "m-1",
      group: "billing",
      reason: "RabbitMQ: expired",
      attempts: undefined,
    });
  });

  test("that another program put there may have no fields", () => {
    expect(got({})).toMatchObject({ id: undefined, group: undefined, reason: "unknown", atMs: undefined });
    expect(got({ "x-death": "odd", "dead-group": 7, "dead-reason": [] })).toMatchObject({
      group: "7",
      reason: "unknown",
    });
    expect(got({ "x-death": [{ queue: "another.queue" }] }).group).toBeUndefined();
    expect(got({}, { timestamp: 99_999_999_999_999 }).atMs).toBeUndefined();
  });

  test("knows when its publisher sent it, which is not when it died", () => {
    const letter = got({ ...buried, "dead-timestamp": "1799990000" }, { timestamp: 1_799_999_940 });
    expect(letter.sentAt).toBe(1_799_990_000);
    expect(letter.atMs).toBe(1_799_999_940_000);
    expect(letter.headers).not.toHaveProperty("dead-timestamp");
    expect(got(buried, { timestamp: 1_799_999_940 }).sentAt).toBeUndefined();
    // What RabbitMQ has dead-lettered by itself has its own time still, and a client may not say another one.
    const byRabbitmq = { "x-death": [{ queue: "wsmanager.billing" }], "dead-timestamp": "5" };
    expect(got(byRabbitmq, { timestamp: 1_799_990_000 }).sentAt).toBe(1_799_990_000);
  });

  test("names no group that cannot be one: the log's queue least of all", () => {
    for (const group of ["log", "dead", "é".repeat(300), "g\u0007"])
      expect(got({ "dead-group": group }).group).toBeUndefined();
    expect(got({ "x-death": [{ queue: "wsmanager.log" }] }).group).toBeUndefined();
  });
});

describe("on a terminal", () => {
  test("a line has the age, and a whole id", () => {
    const letter = got({ ...buried, "dead-message-id": "m".repeat(60) }, { timestamp: nowMs / 1000 - 7200 });
    expect(rowOf(letter, nowMs)).toMatch(/^2h +billing +3 +orders\.new +anna +m{60} +no such order$/);
  });

  test("what strangers wrote moves no cursor and turns no text", () => {
    const letter = got({ ...buried, "dead-reason": "\x1b[2J\u202egnp\u009b1m" });
    for (const text of [rowOf(letter, nowMs), detailOf(letter, nowMs)])
      expect(text).toInclude("\\u001b[2J\\u202egnp\\u009b1m");
  });

  test("bytes are shown in base64", () => {
    expect(bodyOf({ ...got({}), body: Buffer.from([0xff, 0]) })).toEqual({ base64: "/wA=" });
    expect(detailOf({ ...got({}), body: Buffer.from([0xff, 0]) }, nowMs)).toInclude("/wA= (base64)");
  });

  test("headers that no text is are shown too", () => {
    const letter = got({ big: 2n ** 60n, deep: { list: [1] } });
    expect(JSON.parse(jsonOf(letter)).headers).toEqual({ big: "1152921504606846976", deep: { list: [1] } });
    expect(detailOf(letter, nowMs)).toInclude("big: 1152921504606846976\n");
    expect(detailOf(letter, nowMs)).toInclude('deep: {"list":[1]}\n');
  });

  test("a time that is no date is unknown", () => {
    const letter = got({}, { timestamp: 99_999_999_999_999 });
    expect(detailOf(letter, nowMs)).toInclude("died:     unknown, after an unknown number of attempts");
    expect(JSON.parse(jsonOf(letter)).at).toBeUndefined();
  });

  test("JSON moves no cursor either, and says the same", () => {
    const reason = "\u009b2J\u202egnp";
    const json = jsonOf(got({ ...buried, "dead-reason": reason }));
    expect(json).toInclude("\\u009b2J\\u202egnp");
    expect(JSON.parse(json).reason).toBe(reason);
  });

  test("JSON is one line", () => {
    const letter = got(buried, { timestamp: 1_799_999_940 });
    expect(JSON.parse(jsonOf({ ...letter, body: Buffer.from("a\nb") }))).toMatchObject({
      id: "manager-1-7",
      at: "2027-01-15T07:59:00.000Z",
      body: { text: "a\nb" },
    });
    expect(jsonOf({ ...letter, body: Buffer.from("a\nb") })).not.toInclude("\n");
  });
});
