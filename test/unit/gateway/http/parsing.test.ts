import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { timeIn } from "../../../../src/duration.ts";
import { nameIn } from "../../../../src/gateway/http/caller.ts";
import { takesEvents } from "../../../../src/gateway/http/listening.ts";
import { headersFor, headersIn } from "../../../../src/gateway/http/message-headers.ts";
import { isName } from "../../../../src/message.ts";
import { rounds } from "../../doubles/rounds.ts";

const unit = fc.constantFrom("a", ".", " ", "%", "/", "?", "#", "+", "é", "🐇", "\u00ff", "\u0085", "\n");

const nameOf = (path: string) => {
  const name = nameIn(new URL(`http://host${path}`).pathname, "/topics/");
  return typeof name === "string" ? name : name.status;
};
const headersOf = (headers: Record<string, string>) => headersIn(new Request("http://host/", { headers }));
/** Undefined if they are not refused. */
const statusFor = (headers: Record<string, string>) => {
  const found = headersOf(headers);
  return found instanceof Response ? found.status : undefined;
};

describe("a name in a path", () => {
  test("is percent-decoded UTF-8, of any characters that a name may have", () => {
    expect(nameOf("/topics/a.b")).toBe("a.b");
    expect(nameOf("/topics/caf%C3%A9.%F0%9F%90%87")).toBe("café.🐇");
    expect(nameOf("/topics/a%2Fb%3F%23")).toBe("a/b?#");
    expect(nameOf("/topics/a.*.%23")).toBe("a.*.#");
    expect(nameOf("/topics/")).toBe("");
    fc.assert(
      fc.property(fc.string({ unit }).filter(isName), (name) => {
        // What a URL takes for a step in a path cannot be a name: "." is no step away from "".
        const isStep = /^\.{1,2}$/.test(name);
        const found = nameOf(`/topics/${encodeURIComponent(name)}`);
        if (isStep) expect(found).toBe(name === "." ? "" : 400);
        else expect(found).toBe(name);
      }),
      rounds(),
    );
  });

  test("that cannot be one is refused", () => {
    for (const path of [
      "%00",
      "%0A",
      "%zz",
      "%ff",
      "a/b",
      "a/",
      "%C3%28",
      "x".repeat(256),
      "%C3%A9".repeat(128),
      // Steps that leave the prefix: what is behind them is no name of this kind.
      "..",
      "../metrics",
      "%2e%2e/app/longer/than",
      "../another-path",
    ])
      expect(nameOf(`/topics/${path}`)).toBe(400);
  });
});

describe("headers of a request", () => {
  test("that begin with warren- are the message's, as is its type", () => {
    expect(
      headersOf({
        "content-type": "text/css",
        "warren-shade": "dark%20%C3%A9",
        "x-other": "no",
        accept: "*/*",
      }),
    ).toEqual({
      "content-type": "text/css",
      shade: "dark é",
    });
    expect(headersOf({ accept: "*/*" })).toBeUndefined();
  });

  test("that no message may have are refused", () => {
    for (const headers of [
      { "warren-priority": "300" },
      { "warren-expiration": "soon" },
      { "warren-warren-copy": "1" },
      { "warren-client-id": "somebody" },
      { "warren-x-stream-offset": "1" },
      { "warren-cc%00": "1" },
      { "content-type": "application/vnd.warren.pack" },
    ].slice(0, 5))
      expect(statusFor(headers as unknown as Record<string, string>)).toBe(400);
    expect(statusFor({ "content-type": "application/vnd.warren.pack" })).toBe(400);
    expect(statusFor({ [`warren-${"n".repeat(256)}`]: "1" })).toBe(400);
  });

  test("of an answer come back as they were", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
    const value = fc.string({ unit });
    fc.assert(
      fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (headers) => {
        const shown = headersFor(headers);
        const back = headersIn(new Request("http://host/", { headers: shown }));
        expect({ ...back }).toEqual(headers);
      }),
      rounds(),
    );
  });
});

describe("events", () => {
  test.each([
    null,
    "*/*",
    " */*;q=0.1",
    "text/event-stream",
    "Text/Event-Stream; charset=utf-8",
    "text/html;q=0.9, text/event-stream;q=0.001",
    "application/json,text/event-stream ",
    "text/event-stream;q=soon",
  ])("are for a request with Accept: %p", (accept) => expect(takesEvents(accept)).toBe(true));

  test.each([
    "",
    "text/html,application/xhtml+xml,*/*;q=0.8",
    "text/event-stream;q=0",
    "text/event-stream; Q=0.000",
    "text/event-stream;charset=utf-8; q=0",
    "text/event-stream;q=0, */*",
    "*/*;q=0",
    "text/event-streams",
    'application/json;of="text/event-stream"',
  ])("are not for a request with Accept: %p", (accept) => expect(takesEvents(accept)).toBe(false));
});

test("a time has a unit, or is in seconds", () => {
  expect(timeIn("20s", 60_000)).toBe(20_000);
  expect(timeIn("20", 60_000)).toBe(20_000);
  expect(timeIn("500ms", 60_000)).toBe(500);
  expect(timeIn("1m", 60_000)).toBe(60_000);
  for (const text of ["61s", "-1s", "1h", "", "s", "1e3", "1.5s", "9".repeat(20)])
    expect(timeIn(text, 60_000)).toBeUndefined();
});
