import { expect, test } from "bun:test";
import { Bodies } from "../../../../src/gateway/http/bodies.ts";

const limits = {
  maxMessageBytes: 1000,
  messageTimeoutMs: 60_000,
  keptBytesMax: 20_000,
  kept: () => undefined,
};

/** A request whose body comes when the test says so. */
function posted(headers: Record<string, string> = {}) {
  let feed!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      feed = controller;
    },
  });
  const request = new Request("http://here/topics/t", { method: "POST", body, headers });
  return {
    request,
    send: (bytes: number) => feed.enqueue(new Uint8Array(bytes)),
    end: () => feed.close(),
  };
}

const statusOf = (read: Buffer | Response) => (read instanceof Response ? read.status : read.byteLength);

test("a body is read whole, in pieces too, and counts while it is read", async () => {
  const bodies = new Bodies(limits);
  const post = posted();
  const read = bodies.read(post.request);
  post.send(300);
  post.send(400);
  post.end();
  expect(statusOf(await read)).toBe(700);
  expect(bodies.keptBytes).toBe(0);
});

test("a body that is larger than a message may be, or claims to be, is refused", async () => {
  const bodies = new Bodies(limits);
  const said = new Request("http://here/", {
    method: "POST",
    body: "x",
    headers: { "content-length": "1001" },
  });
  expect(statusOf(await bodies.read(said))).toBe(413);
  const post = posted();
  const read = bodies.read(post.request);
  post.send(1001);
  expect(statusOf(await read)).toBe(413);
  expect(bodies.keptBytes).toBe(0);
});

test("those that say much and send little take no room from others", async () => {
  const bodies = new Bodies({ ...limits, maxMessageBytes: 1024 ** 2, keptBytesMax: 200_000 });
  const slow = Array.from({ length: 50 }, () => posted({ "content-length": String(1024 ** 2) }));
  const reads = slow.map(({ request, send }) => {
    const read = bodies.read(request);
    send(1);
    return read;
  });
  expect(statusOf(await bodies.read(new Request("http://here/", { method: "POST", body: "honest" })))).toBe(
    6,
  );
  bodies.close();
  expect(new Set((await Promise.all(reads)).map(statusOf))).toEqual(new Set([503]));
  expect(bodies.keptBytes).toBe(0);
});

test("when all together have too much, the one with the most has to go", async () => {
  const bodies = new Bodies({ ...limits, maxMessageBytes: 100_000 });
  const [large, small] = [posted(), posted()];
  const reads = [bodies.read(large.request), bodies.read(small.request)] as const;
  large.send(12_000);
  small.send(3000);
  await Bun.sleep(0);
  large.send(6000);
  expect(statusOf(await reads[0])).toBe(503);
  small.end();
  expect(statusOf(await reads[1])).toBe(3000);
  expect(bodies.keptBytes).toBe(0);
});

test("a body that takes too long is refused", async () => {
  const bodies = new Bodies({ ...limits, messageTimeoutMs: 5 });
  const post = posted();
  expect(statusOf(await bodies.read(post.request))).toBe(408);
});
