import { expect, test } from "bun:test";
import type { Encoding } from "../../../../src/gateway/fan-out/encoding.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { plain } from "../../../../src/gateway/text/encoding.ts";
import type { Body } from "../../../../src/message.ts";

/** A relay that remembers what it has published, by key. */
function remembering() {
  const relay = new Relay();
  const published: [key: string, body: Body][] = [];
  relay.publishThrough({ publish: (key, body) => void published.push([key, body]) });
  return { relay, published };
}

/** An encoding that counts how often it is asked for a tail. */
function counting(name: string) {
  let count = 0;
  const encoding: Encoding = {
    name,
    includesId: true,
    headOf: (id) => `${id}>`,
    headAfterGap: (head) => `!${head}`,
    tailOf: ({ body }, id) => `${id}:${body}:${++count}`,
    join: (head, tail) => `${head}${tail}`,
  };
  return encoding;
}

test("a message goes to every audience of its topic in that audience's encoding, and plain text gets the body itself", () => {
  const { relay, published } = remembering();
  const text = relay.audiences.join("a", plain, "");
  const stomp = relay.audiences.join("*", stompEncoding("1.2"), "s");
  relay.audiences.join("b", plain, "");
  const body = new Uint8Array([1, 2]);
  relay.toAll({ body, topic: "a", timestamp: 7 }, "id");
  expect(published[0]).toEqual([text.key, body]);
  expect(published[0]![1]).toBe(body);
  expect(published[1]![0]).toBe(stomp.key);
  expect(String(published[1]![1])).toBe(
    "MESSAGE\nsubscription:s\nmessage-id:id\ndestination:/topic/a\ntimestamp:7\n" +
      "content-type:application/octet-stream\ncontent-length:2\n\n\u0001\u0002\0",
  );
  expect(published).toHaveLength(2);
  expect(relay.deliveredCount).toBe(2);
});

test("what begins alike is made once, and a tail once for all that follow one another in its encoding", () => {
  const { relay, published } = remembering();
  const encoding = counting("x");
  for (const [pattern, id] of [
    ["a", "1"],
    ["*", "1"],
    ["a", "2"],
    ["#", "3"],
  ] as const)
    relay.audiences.join(pattern, encoding, id);
  relay.toAll({ body: "b", topic: "a" }, "id");
  expect(published.map(([, body]) => body).sort()).toEqual(["1>id:b:1", "1>id:b:1", "2>id:b:1", "3>id:b:1"]);
});

test("a client that gets no copy publishes to its own audience itself, and is not counted there", () => {
  const { relay, published } = remembering();
  const audience = relay.audiences.join("a", plain, "");
  relay.audiences.join("a", plain, "");
  const other = relay.audiences.join("#", counting("x"), "s");
  const spoken: Body[] = [];
  const excluded = { audience, isClosed: false, publish: (body: Body) => void spoken.push(body) };
  relay.send(relay.audiences.route("a"), { body: "hello", topic: "a" }, "id", undefined, excluded);
  expect(spoken).toEqual(["hello"]);
  expect(published).toEqual([[other.key, "s>id:hello:1"]]);
  expect(relay.deliveredCount).toBe(2);
});

test("an audience knows the place of the last message in the log that it was sent, before it is sent", () => {
  const relay = new Relay();
  const audience = relay.audiences.join("a", counting("x"), "s");
  const places: (string | undefined)[] = [];
  relay.publishThrough({ publish: () => void places.push(audience.lastPosition) });
  for (const position of ["7", "8.1"])
    relay.send(relay.audiences.route("a"), { body: "", topic: "a" }, "id", { position });
  expect(places).toEqual(["7", "8.1"]);
});
