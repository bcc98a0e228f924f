import { describe, expect, test } from "bun:test";
import { draftFrom } from "../../../static/session/draft.ts";
import { mayHear, rightsIn } from "../../../static/session/rights.ts";
import { snippetsFor } from "../../../static/session/snippets.ts";

describe("what somebody writes", () => {
  test("is text, JSON or bytes, with headers", () => {
    expect(draftFrom("hi", "text", "")).toEqual({ body: "hi", headers: {} });
    expect(draftFrom("[1]", "json", "lot: 7\n\n colour : sea: blue")).toEqual({
      body: "[1]",
      headers: { "content-type": "application/json", lot: "7", colour: "sea: blue" },
    });
    expect(draftFrom("CA fe\n00", "bytes", "")).toEqual({
      body: new Uint8Array([0xca, 0xfe, 0]),
      headers: { "content-type": "application/octet-stream" },
    });
  });

  test("is not sent while it is invalid, and the reason is shown", () => {
    expect(draftFrom("{a}", "json", "")).toStartWith("This is not JSON");
    for (const text of ["ca f", "xyz", "caf"]) expect(draftFrom(text, "bytes", "")).toContain("hexadecimal");
    expect(draftFrom("hi", "text", "no colon")).toContain("no colon");
    expect(draftFrom("hi", "text", ": nameless")).toContain("a name, a colon");
    for (const name of ["destination", "Receipt", "content-type", "x-stream-offset", "warren-copy"])
      expect(draftFrom("hi", "text", `${name}: 1`)).toBe(`You cannot set the header ${name}.`);
  });
});

describe("code for a topic", () => {
  const codeOf = (topic: string, needsToken = false) =>
    Object.fromEntries(
      snippetsFor("https://example.com/chat/?topic=x", topic, needsToken).map(({ name, code }) => [
        name,
        code,
      ]),
    );

  test("goes to where the page came from, under its path", () => {
    const code = codeOf("orders.new");
    expect(code["JavaScript"]).toContain('"wss://example.com/chat/ws"');
    expect(code["JavaScript"]).toContain('"/topic/orders.new"');
    expect(code["curl"]).toContain("'https://example.com/chat/topics/orders.new'");
    expect(code["wscat"]).toBe("wscat -c 'wss://example.com/chat/ws?topic=orders.new'");
    expect(code["Python"]).toContain('basic_publish("towsmanager", "orders.new"');
  });

  test("is code, whatever the topic is called", () => {
    const topic = `it's "quoted" \\ $(rm) /slash`;
    const code = codeOf(topic);
    new Bun.Transpiler({ loader: "js" }).transformSync(code["JavaScript"]!);
    expect(code["JavaScript"]).toContain(JSON.stringify(`/topic/${topic}`));
    for (const name of ["curl", "wscat"]) {
      const words = Bun.spawnSync(["sh", "-c", code[name]!.replaceAll(/^(curl|wscat)/gm, "printf '%s\\n'")]);
      expect(words.stderr.toString()).toBe("");
      expect(words.stdout.toString()).toContain("example.com/chat/");
    }
  });

  test("of a pattern only listens, and with a token it says where that goes", () => {
    const code = codeOf("orders.#", true);
    expect(code["JavaScript"]).not.toContain("publish");
    expect(code["JavaScript"]).toContain("passcode");
    expect(code["Python"]).toContain('queue_bind(queue, "by-topic", "orders.#")');
    expect(code["curl"]).toContain("Bearer YOUR TOKEN");
    expect(code["curl"]).toContain("topics/orders.%23");
    // It is for plain text, which has no patterns, and cannot type what ends a frame of STOMP's.
    expect(code["wscat"]).toStartWith("# ");
    expect(code["wscat"]).toContain("wscat -c 'wss://example.com/chat/ws?topic=TOPIC&token=YOUR-TOKEN'");
  });
});

describe("the rights in a token", () => {
  const token = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

  test("are its claim's patterns, as JSON text too", () => {
    const warren = { subscribe: ["grün.#"], publish: ["a", 7] };
    const rights = { subscribe: ["grün.#"], publish: ["a"] };
    expect(rightsIn(token({ warren }))).toEqual(rights);
    expect(rightsIn(token({ warren: JSON.stringify(warren) }))).toEqual(rights);
  });

  test("say what may be joined: what may be heard, not what may only be sent to", () => {
    const rights = { subscribe: ["orders.*", ""], publish: ["orders.new", "audit", ""] };
    expect(rights.publish.map((pattern) => mayHear(rights, pattern))).toEqual([true, false, true]);
    expect(mayHear(rights, "orders.#")).toBe(false);
  });

  test("are unknown where the page cannot read them", () => {
    for (const each of [
      "",
      "a.b.c",
      "opaque",
      token({}),
      token({ warren: 7 }),
      token({ warren: { publish: "#" } }),
    ])
      expect(rightsIn(each)).toBeUndefined();
  });
});
