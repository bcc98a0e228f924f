import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bareEvents,
  closeEvent,
  envelopeEvents,
  placeField,
  retryLine,
} from "../../../../src/gateway/http/events-encoding.ts";
import { lines, nextIn } from "../../../../src/gateway/http/lines-encoding.ts";
import { isAfter, positionAfter, startAfter, startAt } from "../../../../src/log/position.ts";
import type { Body } from "../../../../src/message.ts";
import { eventsIn } from "../../../support/event-source.ts";
import { rounds } from "../../doubles/rounds.ts";

const message = (body: Body, more = {}) => ({ body, topic: "a.b", ...more });
const eventOf = (encoding: typeof bareEvents, body: Body, more = {}) =>
  eventsIn(encoding.join("", encoding.tailOf(message(body, more), "id-1", { position: "17.3" })) as string);

describe("an event", () => {
  test("has the position as its id and the body as its data, whatever text that is", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", " ", "\n", ":", "é", "🐇", "\0", "\u2028", "\ufeff"),
    });
    fc.assert(
      fc.property(text, (body) => {
        expect(eventOf(bareEvents, body)).toEqual([{ id: "17.3", event: "message", data: body }]);
      }),
      rounds(),
    );
  });

  test("of several lines, of an empty body, and of one that looks like fields is one event", () => {
    for (const body of ["", "\n", "a\n\nb\n", "id: 99\n\ndata: forged", " leading", ": no comment"])
      expect(eventOf(bareEvents, body)).toEqual([{ id: "17.3", event: "message", data: body }]);
  });

  test("of bytes, or of text with a carriage return, which would not come out as it was, is base64", () => {
    for (const body of [Buffer.from([0, 255, 10]), "a\r\nb", "\r"])
      expect(eventOf(bareEvents, body)).toEqual([
        { id: "17.3", event: "bytes", data: Buffer.from(body as string).toString("base64") },
      ]);
  });

  test("of a large text is never much longer than the text: what would be is base64", () => {
    const size = 100_000;
    for (const unit of ["\n", "\0", '"', "a\n", "\ud83d", "é", "a"]) {
      const body = unit.repeat(size / unit.length);
      for (const encoding of [bareEvents, envelopeEvents, lines]) {
        const written = encoding.tailOf(message(body), "id-1", { position: "17.3" }) as string;
        expect(Buffer.byteLength(written)).toBeLessThan(2.1 * Buffer.byteLength(body));
      }
    }
    const lineEnds = "\n".repeat(size);
    const data = Buffer.from(lineEnds).toString("base64");
    expect(eventOf(bareEvents, lineEnds)).toEqual([{ id: "17.3", event: "bytes", data }]);
    const [controls] = eventOf(envelopeEvents, "\u0001".repeat(size));
    expect([controls!.event, JSON.parse(controls!.data).encoding]).toEqual(["bytes", "base64"]);
    const text = "a line of text\n".repeat(size / 15);
    expect(eventOf(bareEvents, text)).toEqual([{ id: "17.3", event: "message", data: text }]);
  });

  test("in an envelope tells the topic, who sent it, when, and its headers", () => {
    const more = { clientId: "anna", timestamp: 5, headers: { shade: "dark" } };
    const [event] = eventOf(envelopeEvents, "a\r\nb", more);
    expect(event).toMatchObject({ id: "17.3", event: "message" });
    expect(JSON.parse(event!.data)).toEqual({
      topic: "a.b",
      client: "anna",
      timestamp: 5,
      id: "id-1",
      headers: { shade: "dark" },
      body: "a\r\nb",
    });
    const [bytes] = eventOf(envelopeEvents, Buffer.from([1, 2]));
    expect(bytes!.event).toBe("bytes");
    expect(JSON.parse(bytes!.data)).toEqual({
      topic: "a.b",
      id: "id-1",
      headers: {},
      body: "AQI=",
      encoding: "base64",
    });
  });

  test("for one client alone does not tell that client's id as the sender's", () => {
    const tail = envelopeEvents.tailOf(message("x", { clientId: "me" }), "id", { isForOne: true });
    expect(JSON.parse(eventsIn(tail as string)[0]!.data).client).toBeUndefined();
  });

  test("before which some are missing follows an event gap, which moves no position", () => {
    const tail = bareEvents.tailOf(message("x"), "id", { position: "5" });
    const [gap, event] = eventsIn(bareEvents.join(bareEvents.headAfterGap(""), tail) as string);
    expect(gap).toMatchObject({ event: "gap", id: "" });
    expect(event).toEqual({ id: "5", event: "message", data: "x" });
  });

  test("that closes says why, and a place and a time to wait are no events", () => {
    const text = `${placeField("7")}\n${closeEvent(4410, "removed", retryLine(5, 5))}`;
    const [close, ...others] = eventsIn(text);
    expect(close).toEqual({ id: "7", event: "close", data: '{"code":4410,"reason":"removed"}' });
    expect(others).toEqual([]);
    expect(text).toContain("retry: 5\n");
  });
});

describe("a line", () => {
  const lineOf = (body: Body, position = "17") =>
    lines.join("", lines.tailOf(message(body), "id-1", { position })) as string;

  test("is one JSON object with what comes next, however many lines the body has", () => {
    expect(lineOf("a\nb").trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(lineOf("a\nb"))).toMatchObject({ next: "17~", position: "17", body: "a\nb" });
    expect(nextIn(`${lineOf("x", "16")}${lineOf('{"next":"99"', "17.4-k3f9zq")}`)).toBe("17.4-k3f9zq~");
    const longest = `${Number.MAX_SAFE_INTEGER}.999999999-zzzzzz`;
    expect(nextIn(lineOf("x", longest))).toBe(`${longest}~`);
    expect(nextIn('{"gap":true}\n')).toBeUndefined();
  });

  test("names a next position behind which lies what lay behind its own", () => {
    const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 });
    const position = fc.oneof(
      offset.map(String),
      fc.tuple(offset, fc.nat({ max: 10_000 })).map(([one, index]) => `${one}.${index}`),
    );
    fc.assert(
      fc.property(position, fc.integer({ min: -2, max: 2 }), fc.nat({ max: 3 }), (seen, by, index) => {
        const after = startAfter(seen)!;
        const begin = startAt(positionAfter(seen)) as typeof after;
        const place = after.offset + by;
        // A record with one message has no other index than 0.
        const at = seen.includes(".") ? index : 0;
        expect(isAfter(begin, place, at)).toBe(isAfter(after, place, at));
      }),
      rounds(),
    );
  });
});
