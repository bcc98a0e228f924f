import { describe, expect, spyOn, test } from "bun:test";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { contentsWith, seal } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import { Feed } from "../../../src/log/feed.ts";
import { KnownRepeats } from "../../../src/log/known-repeats.ts";
import { PackOrigins } from "../../../src/log/pack-origins.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { Repeats } from "../../../src/log/repeats.ts";
import { SkippedRecords } from "../../../src/log/skipped-records.ts";
import type { OutgoingMessage } from "../../../src/message.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { MessageTrace } from "../../../src/ops/message-trace.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";
import { turn } from "../doubles/turn.ts";

function feedOf(managerId: string, messageTraceMode: "on" | "off" = "off", repeats = new Repeats()) {
  const heard: unknown[] = [];
  const logged: unknown[] = [];
  const unwanted = new Set<string>();
  const logger = new RecordingLogger();
  const skipped = new SkippedRecords(logger);
  const sink = {
    deliver: ({ body, topic, clientId }: OutgoingMessage) =>
      void heard.push(["deliver", topic, clientId, body]),
    answer: ({ body }: OutgoingMessage, asker: string) => void heard.push(["answer", asker, body]),
    relay: ({ body, topic }: OutgoingMessage) => void heard.push(["relay", topic, body]),
    wants: (topic: string) => !unwanted.has(topic),
    hasClient: (clientId: string) => !unwanted.has(clientId),
    hasAsker: (asker: string) => !unwanted.has(asker),
    hasClients: true,
    publishedCount: 0,
    isSpreading: false,
    isFollowed: false,
    logged: (record: LogRecord) => {
      logged.push(record.offset);
      // As the part of the log that is in memory does.
      record.keep(() => undefined, false, new PackOrigins());
    },
    marked: (offset: number) => void logged.push(`mark ${offset}`),
    missed: () => void logged.push("missed"),
  };
  return {
    feed: new Feed(
      managerId,
      sink,
      logger,
      new MessageTrace(logger, messageTraceMode),
      skipped,
      1024,
      repeats,
      // Time stands still, so that nothing waits for the next turn.
      new LoopTime(() => 0),
    ),
    heard,
    unwanted,
    logged,
    logger,
    skipped,
    sink,
  };
}

const from = (appId: string, message: OutgoingMessage): Envelope => seal(message, `${appId}-7`, appId, 1);

function packed(appId: string, messages: readonly OutgoingMessage[]): Envelope {
  return { ...from(appId, { body: pack(messages), topic: "" }), contentType: packedContentType };
}

/** The bodies that are decoded from now on, of those that begin with "body". */
function decodedBodies(): Disposable & { readonly texts: string[] } {
  const toText = spyOn(Buffer.prototype, "toString");
  return {
    get texts() {
      return toText.mock.results.map(({ value }) => `${value}`).filter((text) => text.startsWith("body"));
    },
    [Symbol.dispose]: () => toText.mockRestore(),
  };
}

test("what clients of another manager sent is relayed to its topic", () => {
  const { feed, heard } = feedOf("manager-1");
  feed.record(0, "wsmanager", from("manager-2", { body: "hi", topic: "a", clientId: "c" }));
  expect(heard).toEqual([["relay", "a", "hi"]]);
});

test("what its own clients sent is skipped, packed or not: they have it already", () => {
  const { feed, heard, logger } = feedOf("manager-1");
  feed.record(0, "wsmanager", from("manager-1", { body: "hi", topic: "a" }));
  feed.record(1, "wsmanager", packed("manager-1", [{ body: "hi", topic: "a" }]));
  expect(heard).toEqual([]);
  expect(logger.lines).toEqual([]);
});

test("what its own clients sent is known by its id, whatever app id they gave it", () => {
  const { feed, heard } = feedOf("manager-1");
  const headers = (appId: string) => ({ "app-id": appId });
  feed.record(0, "wsmanager", from("manager-1", { body: "own", topic: "a", headers: headers("shop") }));
  feed.record(
    1,
    "wsmanager",
    from("manager-10", { body: "theirs", topic: "a", headers: headers("manager-1") }),
  );
  expect(heard).toEqual([["relay", "a", "theirs"]]);
});

test("an expired message reaches no client, and is still a record of the log", () => {
  const { feed, heard, logged } = feedOf("manager-1");
  const headers = { expiration: "5000" };
  const now = Math.floor(Date.now() / 1000);
  for (const [offset, timestamp] of [now - 10, now - 1].entries()) {
    const message = { body: `${offset}`, topic: "a", headers };
    feed.record(2 * offset, "towsmanager", seal(message, "id", "app", timestamp));
    feed.record(2 * offset + 1, "wsmanager", seal(message, "id", "app", timestamp));
  }
  expect(heard).toEqual([
    ["deliver", "a", undefined, "1"],
    ["relay", "a", "1"],
  ]);
  expect(logged).toEqual([0, 1, 2, 3]);
});

test("the answer to a request goes to the client that asked, once, alone in its record or packed with others", () => {
  const { feed, heard } = feedOf("manager-1");
  const answer = (number: number) => ({
    body: String(number),
    topic: "a",
    id: `manager-0123456789ab-${number}/g/1`,
    headers: { "correlation-id": `warren:${number}` },
  });
  const others = packed("processor-0123456789ab", [answer(1), answer(2)]);
  for (const [offset, envelope] of [
    from("processor-0123456789ab", answer(1)),
    from("processor-0123456789ab", answer(1)),
    others,
    { ...others, messageId: "processor-ba9876543210-1" },
  ].entries())
    feed.record(offset, "towsmanager", envelope);
  expect(heard).toEqual([
    ["answer", "warren:1", "1"],
    ["answer", "warren:2", "2"],
  ]);
});

test("an answer that is too large for clients is handed on all the same, since somebody waits for it, and the log says why it fails", () => {
  const { feed, heard, skipped } = feedOf("manager-1");
  const answer = { body: "x".repeat(1025), topic: "a", headers: { "correlation-id": "warren:1" } };
  feed.record(0, "towsmanager", from("processor-0123456789ab", answer));
  feed.record(1, "towsmanager", from("processor-ba9876543210", { ...answer, headers: {} }));
  expect(heard).toEqual([["answer", "warren:1", answer.body]]);
  expect(skipped.count).toBe(2);
});

test("what came from processors is delivered, to all of a topic or to one client", () => {
  const { feed, heard } = feedOf("manager-1");
  feed.record(0, "towsmanager", from("processor-1", { body: "to all", topic: "a" }));
  feed.record(1, "towsmanager", from("processor-1", { body: "to one", topic: "a", clientId: "c" }));
  expect(heard).toEqual([
    ["deliver", "a", undefined, "to all"],
    ["deliver", "a", "c", "to one"],
  ]);
});

test("what is for one client alone is counted by whether that client is here, alone or in a pack; what is expired or came before is not", () => {
  const { feed, heard, unwanted } = feedOf("manager-1");
  unwanted.add("gone");
  const counts = () => Object.fromEntries(feed.addressed.metric.readEach());
  feed.record(0, "towsmanager", from("processor-1", { body: "hi", topic: "a", clientId: "here" }));
  const toGone = from("processor-0123456789ab", { body: "hi", topic: "a", clientId: "gone" });
  feed.record(1, "towsmanager", toGone);
  feed.record(2, "towsmanager", toGone);
  expect(counts()).toEqual({ connected: 1, absent: 1 });
  const messages = ["here", "gone", "gone"].map((clientId) => ({ body: "p", topic: "a", clientId }));
  const inPack = packed("processor-2", messages);
  feed.record(3, "towsmanager", inPack);
  const late = { body: "late", topic: "a", clientId: "gone", timestamp: 1, headers: { expiration: "1000" } };
  feed.record(4, "towsmanager", from("processor-3", late));
  feed.record(5, "towsmanager", from("processor-4", { body: "to all", topic: "a" }));
  feed.record(6, "wsmanager", from("manager-2", { body: "from", topic: "a", clientId: "gone" }));
  expect(counts()).toEqual({ connected: 2, absent: 3 });
  expect(heard).toContainEqual(["deliver", "a", "here", "hi"]);
  expect(heard).not.toContainEqual(["deliver", "a", "gone", "hi"]);
});

test("what bears its own id but comes from towsmanager is delivered all the same", () => {
  const { feed, heard } = feedOf("manager-1");
  feed.record(0, "towsmanager", from("manager-1", { body: "hi", topic: "" }));
  expect(heard.length).toBe(1);
});

test("packed messages are handed on one by one, in order", () => {
  const { feed, heard } = feedOf("manager-1");
  const messages = [
    { body: "one", topic: "a", clientId: "c" },
    { body: "two", topic: "b" },
  ];
  feed.record(0, "wsmanager", packed("manager-2", messages));
  feed.record(1, "towsmanager", packed("processor-1", messages));
  expect(heard).toEqual([
    ["relay", "a", "one"],
    ["relay", "b", "two"],
    ["deliver", "a", "c", "one"],
    ["deliver", "b", undefined, "two"],
  ]);
});

describe("of a pack, what nobody here wants", () => {
  const messages = ["a", "b", "a"].map((topic, index) => ({ topic, body: `body ${index}` }));

  test("is not decoded: of what other managers' clients sent, one line is read", () => {
    const { feed, heard, unwanted, logged } = feedOf("manager-1");
    unwanted.add("a").add("b");
    const good = packed("manager-2", messages);
    const topics = good.body.subarray(0, good.body.indexOf("\n") + 1);
    // What comes after the topics would be warned of if it were read.
    const body = Buffer.concat([topics, Buffer.from("rubbish")]);
    const { feed: reading, skipped } = feedOf("manager-1");
    reading.record(0, "wsmanager", { ...good, body });
    feed.record(0, "wsmanager", { ...good, body });
    expect(skipped.count).toBe(1);
    expect(heard).toEqual([]);
    expect(logged).toEqual([0]);
  });

  test("is left out, and a record with subscribers is handed on", () => {
    const { feed, heard, unwanted } = feedOf("manager-1");
    unwanted.add("a").add("gone");
    using decoded = decodedBodies();
    const answers = [{ topic: "a", body: "body for one", clientId: "gone" }, ...messages];
    feed.record(0, "wsmanager", packed("manager-2", messages));
    feed.record(1, "towsmanager", packed("processor-2", answers));
    expect(heard).toEqual([
      ["relay", "b", "body 1"],
      ["deliver", "b", undefined, "body 1"],
    ]);
    expect(decoded.texts).toEqual(["body 1", "body 1"]);
  });

  test("is not decoded to find what the log has twice", () => {
    const { feed, heard, unwanted } = feedOf("manager-1");
    unwanted.add("a");
    const answers = messages.map((message, index) => ({
      ...message,
      id: `manager-0123456789ab-${index}/g/1`,
    }));
    using decoded = decodedBodies();
    feed.record(0, "towsmanager", packed("processor-0123456789ab", answers));
    unwanted.clear();
    feed.record(1, "towsmanager", {
      ...packed("processor-ba9876543210", answers),
      messageId: "processor-ba9876543210-1",
    });
    expect(heard).toEqual([["deliver", "b", undefined, "body 1"]]);
    expect(decoded.texts).toEqual(["body 1"]);
    expect(feed.repeats.count).toBe(3);
  });

  test("is not decoded if it is the answer to another manager's client", () => {
    const { feed, heard, unwanted } = feedOf("manager-1");
    unwanted.add("warren:theirs");
    const answer = (asker: string) => ({
      topic: "a",
      body: `body ${asker}`,
      headers: { "correlation-id": asker },
    });
    using decoded = decodedBodies();
    feed.record(0, "towsmanager", packed("processor-1", [answer("warren:theirs"), answer("warren:ours")]));
    expect(heard).toEqual([["answer", "warren:ours", "body warren:ours"]]);
    expect(decoded.texts).toEqual(["body warren:ours"]);
  });

  test("is read for its idempotency keys all the same", () => {
    const { feed, heard, unwanted } = feedOf("manager-1");
    unwanted.add("a");
    const learnt: string[] = [];
    feed.keys = { learn: (id) => learnt.push(id) < 0 };
    const id = `once-${"k".repeat(22)}-abc-def-3c`;
    using decoded = decodedBodies();
    feed.record(0, "wsmanager", packed("manager-2", [messages[0]!, { ...messages[2]!, id }]));
    expect(learnt).toEqual([id]);
    expect([heard, decoded.texts]).toEqual([[], []]);
  });
});

describe("a message that cannot be read", () => {
  test("is skipped with a warning that says where it is, and the next one is read", () => {
    const { feed, heard, logger } = feedOf("manager-1");
    const broken = { ...packed("other", []), body: Buffer.from("rubbish") };
    feed.record(7, "towsmanager", broken);
    feed.record(8, "towsmanager", from("processor-1", { body: "fine", topic: "" }));
    expect(heard).toEqual([["deliver", "", undefined, "fine"]]);
    expect(logger.lines).toMatchObject([
      { level: "warn", fields: { exchange: "towsmanager", offset: 7, app: "other" } },
    ]);
  });

  test("because it is larger than what may wait for a client is skipped too, packed or not", () => {
    const { feed, heard, logger, skipped } = feedOf("manager-1");
    const messages = [{ body: "x".repeat(600), topic: "" }];
    feed.record(1, "towsmanager", from("other", { body: "x".repeat(1025), topic: "" }));
    feed.record(2, "wsmanager", packed("other", [...messages, ...messages]));
    feed.record(3, "towsmanager", from("other", { body: "y".repeat(1024), topic: "" }));
    expect(heard).toEqual([["deliver", "", undefined, "y".repeat(1024)]]);
    expect(skipped.count).toBe(2);
    expect(String(logger.lines[0]?.fields?.["reason"])).toContain("--client-buffer-bytes");
  });

  test("is counted, and warned of once a second and not a thousand times", () => {
    const { feed, logger, skipped } = feedOf("manager-1");
    const broken = { ...packed("other", []), body: Buffer.from("rubbish") };
    for (let offset = 0; offset < 1000; offset++) feed.record(offset, "towsmanager", broken);
    expect(skipped.count).toBe(1000);
    expect(logger.lines.length).toBeLessThan(5);
  });
});

test("what came back is printed, what clients of other managers sent is not", () => {
  const { feed, logger } = feedOf("manager-1", "on");
  feed.record(0, "towsmanager", from("processor-1", { body: "back", topic: "a" }));
  feed.record(1, "wsmanager", from("manager-2", { body: "not mine", topic: "a" }));
  expect(logger.lines).toMatchObject([{ message: "came back", fields: { topic: "a", message: "back" } }]);
});

test("every record goes to the durable subscriptions, its own too, with what tells how the log goes on", () => {
  const { feed, logged, logger } = feedOf("manager-1");
  feed.marked(0);
  feed.record(1, "wsmanager", from("manager-1", { body: "own", topic: "a" }));
  feed.missed("dropped");
  feed.record(5, "towsmanager", from("processor-1", { body: "answer", topic: "a" }));
  expect(logged).toEqual(["mark 0", 1, "missed", 5]);
  expect(logger.lines).toHaveLength(1);
});

test("what another manager published under a key that this one's clients have heard of is relayed to nobody, and is in the log", () => {
  const { feed, heard, logged } = feedOf("manager-1");
  const known = new Set(["once-AAAAAAAAAAAAAAAAAAAAAA-1-2-3"]);
  feed.keys = { learn: (id) => known.has(id) };
  const own = { body: "own", topic: "a", id: "once-AAAAAAAAAAAAAAAAAAAAAA-1-2-3" };
  const other = { body: "other", topic: "a", id: "once-BBBBBBBBBBBBBBBBBBBBBB-1-2-3" };
  feed.record(0, "wsmanager", packed("manager-2", [own, other]));
  // Its own large one, that is in no pack, is known by its key alone.
  feed.record(1, "wsmanager", from("manager-1", own));
  // One for clients that came by the control API was relayed by nobody.
  const api = { body: "api", topic: "a", id: "once-CCCCCCCCCCCCCCCCCCCCCC-1-2-3" };
  known.add(api.id);
  feed.record(2, "towsmanager", from("manager-1", api));
  expect(heard).toEqual([
    ["relay", "a", "other"],
    ["deliver", "a", undefined, "api"],
  ]);
  expect(logged).toEqual([0, 1, 2]);
});

test("live clients wait until it is known what has been in the log before, get the rest in order, and what comes then at once", () => {
  const known = new KnownRepeats();
  const { feed, heard, logged } = feedOf("manager-1", "off", new Repeats(known));
  const of = (number: number) =>
    seal({ body: `${number}`, topic: "a" }, `manager-0123456789ab-${number}`, "app", 1);
  const seen: unknown[] = [];
  const past = (offset: number, number: number) => {
    const envelope = of(number);
    const record = new LogRecord(offset, "wsmanager", envelope, () => contentsWith([]));
    feed.repeats.markPast(record, envelope);
    seen.push(record.repeated);
  };
  feed.repeats.expectPast();
  feed.hold();
  for (const [index, number] of [1, 2, 3].entries()) feed.record(10 + index, "wsmanager", of(number));
  expect([heard.length, logged]).toEqual([0, [10, 11, 12]]);
  past(5, 2);
  past(10, 1);
  feed.repeats.pastEnded(5);
  feed.resume();
  feed.record(13, "wsmanager", of(4));
  const relayed = (number: number) => ["relay", "a", `${number}`];
  expect(heard).toEqual([relayed(1), relayed(3), relayed(4)]);
  expect([known.of(11), seen]).toEqual(["all", [undefined, undefined]]);
});

test("an answer that comes while what is for live clients waits is handed on at once, alone in its record or packed, and once", () => {
  const { feed, heard } = feedOf("manager-1");
  const answer = (number: number) => ({
    body: String(number),
    topic: "a",
    id: `manager-0123456789ab-${number}/g/1`,
    headers: { "correlation-id": `warren:${number}` },
  });
  feed.hold();
  feed.record(1, "towsmanager", from("another-program", answer(1)));
  feed.record(2, "towsmanager", packed("processor-0123456789ab", [answer(2)]));
  const answers = ["1", "2"].map((number) => ["answer", `warren:${number}`, number]);
  expect(heard).toEqual(answers);
  feed.resume();
  expect(heard).toEqual(answers);
});

test("a request's key is learnt, though its record comes while what is for live clients waits", () => {
  const { feed } = feedOf("manager-1");
  const learned: string[] = [];
  feed.keys = { learn: (id) => learned.push(id) > 1 };
  const id = "once-AAAAAAAAAAAAAAAAAAAAAA-1-2-3";
  feed.hold();
  feed.record(1, "wsmanager", {
    ...from("manager-2", { body: "x", topic: "a" }),
    messageId: id,
    isRequest: true,
  });
  feed.resume();
  expect(learned).toEqual([id]);
});

test("a client that comes while something waits for its topic misses nothing that follows it", () => {
  const { feed, heard, unwanted } = feedOf("manager-1");
  const say = (offset: number, body: string) =>
    feed.record(offset, "wsmanager", packed("manager-2", [{ body, topic: "a" }]));
  feed.hold();
  say(1, "1");
  // Its only client leaves, and another one comes.
  unwanted.add("a");
  say(2, "2");
  unwanted.delete("a");
  say(3, "3");
  feed.resume();
  say(4, "4");
  expect(heard).toEqual(["1", "2", "3", "4"].map((body) => ["relay", "a", body]));
});

describe("a client that comes while records wait for their turn", () => {
  const packOf = (...texts: readonly string[]) =>
    packed(
      "manager-2",
      texts.map((text) => ({ body: `body ${text}`, topic: text.split(" ")[0]! })),
    );

  /** Three records come while nobody wants what is large, and wait. */
  function waitingRecords() {
    const parts = feedOf("manager-1");
    const { feed, unwanted, sink } = parts;
    unwanted.add("large");
    sink.isSpreading = true;
    feed.record(1, "wsmanager", packOf("small 1", "large 1"));
    feed.record(2, "wsmanager", packOf("large 2"));
    feed.record(3, "wsmanager", packOf("large 3", "small 3"));
    return parts;
  }

  test("gets what follows the first of them that it gets, also what nobody wanted when it came", async () => {
    const { feed, heard, unwanted, sink } = waitingRecords();
    unwanted.delete("large");
    feed.record(4, "wsmanager", packOf("large 4"));
    sink.isSpreading = false;
    await turn();
    feed.record(5, "wsmanager", packOf("large 5"));
    expect(heard).toEqual(
      ["small 1", "large 1", "large 2", "large 3", "small 3", "large 4", "large 5"].map((text) => [
        "relay",
        text.split(" ")[0],
        `body ${text}`,
      ]),
    );
  });

  test("has nothing decoded that nobody wants by then either", async () => {
    using decoded = decodedBodies();
    const { heard, sink } = waitingRecords();
    sink.isSpreading = false;
    await turn();
    expect(heard).toEqual([1, 3].map((number) => ["relay", "small", `body small ${number}`]));
    expect(decoded.texts).toEqual(["body small 1", "body small 3"]);
  });
});

test("what waits for live clients has a cap: beyond it nothing waits for longer than its turn, and nothing is lost", async () => {
  const { feed, heard } = feedOf("manager-1");
  feed.hold();
  const body = "x".repeat(1000);
  let count = 0;
  while (heard.length === 0 && count < 20_000)
    feed.record(count++, "wsmanager", from("manager-2", { body, topic: "a" }));
  expect(count).toBeLessThan(10_000);
  for (let turns = 0; heard.length < count; turns++) {
    expect(turns).toBeLessThan(1000);
    await turn();
  }
  expect(heard.length).toBe(count);
});

test("when it follows, it says from which offset on it has everything: the first record's, or the mark's", () => {
  const reached: number[] = [];
  const { feed } = feedOf("manager-1");
  feed.onMarked = (offset) => void reached.push(offset);
  feed.record(7, "wsmanager", from("manager-2", { body: "x", topic: "a" }));
  feed.marked(9);
  const empty = feedOf("manager-1").feed;
  empty.onMarked = (offset) => void reached.push(offset);
  empty.marked(9);
  expect(reached).toEqual([7, 9]);
});

describe("records with many messages for very many audiences", () => {
  /** @param audiences each message is published to this many, which takes a millisecond */
  function crowded(audiences = 1000) {
    const clock = { ms: 0 };
    const heard: string[] = [];
    const known = { publishedCount: 0, hears: true };
    const publish = ({ body }: OutgoingMessage) => {
      heard.push(body as string);
      known.publishedCount += audiences;
      clock.ms++;
    };
    const sink = {
      deliver: publish,
      answer: ({ body }: OutgoingMessage) => void heard.push(`answer ${body}`),
      relay: publish,
      wants: () => known.hears,
      hasClient: () => known.hears,
      hasAsker: () => true,
      hasClients: true,
      isSpreading: false,
      get publishedCount() {
        return known.publishedCount;
      },
      isFollowed: false,
      logged: () => undefined,
      marked: () => undefined,
      missed: () => undefined,
    };
    const logger = new RecordingLogger();
    const trace = new MessageTrace(logger, "off");
    const loop = new LoopTime(() => clock.ms);
    const feed = new Feed("m", sink, logger, trace, new SkippedRecords(logger), 1e6, new Repeats(), loop);
    return { feed, heard, clock, known, sink, loop };
  }

  const texts = (record: number) => Array.from({ length: 100 }, (_, index) => `${record}.${index}`);
  const recordOf = (record: number) =>
    packed(
      `manager-${record}`,
      texts(record).map((body) => ({ body, topic: "a", clientId: "c" })),
    );

  test("are handed on in several turns of the event loop, none of which is long, in order", async () => {
    const { feed, heard, clock } = crowded();
    for (const record of [0, 1, 2]) feed.record(record, "wsmanager", recordOf(record));
    expect(heard).toEqual(texts(0).slice(0, heard.length));
    expect(heard.length).toBeLessThanOrEqual(5);
    for (let turns = 0; heard.length < 300; turns++) {
      expect(turns).toBeLessThan(200);
      const beganMs = clock.ms;
      await turn();
      expect(clock.ms - beganMs).toBeLessThanOrEqual(2);
    }
    expect(heard).toEqual([0, 1, 2].flatMap(texts));
    // After that what comes is handed on as it comes.
    feed.record(3, "wsmanager", from("other", { body: "next", topic: "a" }));
    expect(heard.at(-1)).toBe("next");
  });

  test("are no different where the audiences are few, and have many clients that read slowly", async () => {
    const { feed, heard, clock } = crowded(25);
    feed.record(0, "wsmanager", recordOf(0));
    for (let turns = 0; ; turns++) {
      expect(clock.ms).toBeLessThanOrEqual(5 + 6 * turns);
      if (heard.length === 100) break;
      await turn();
    }
    expect(heard).toEqual(texts(0));
  });

  test("are no different where each record has one message", async () => {
    const { feed, heard, clock } = crowded();
    for (const body of texts(0)) feed.record(heard.length, "wsmanager", from("other", { body, topic: "a" }));
    expect(heard.length).toBeLessThanOrEqual(5);
    for (let turns = 0; heard.length < 100; turns++) {
      expect(turns).toBeLessThan(100);
      const beganMs = clock.ms;
      await turn();
      expect(clock.ms - beganMs).toBeLessThanOrEqual(2);
    }
    expect(heard).toEqual(texts(0));
  });

  test("wait, even a single one, where other work has taken the turn's time", async () => {
    const { feed, heard, clock, loop } = crowded();
    loop.begin();
    clock.ms += 5;
    feed.record(0, "wsmanager", from("other", { body: "late", topic: "a" }));
    expect(heard).toEqual([]);
    await turn();
    expect(heard).toEqual(["late"]);
  });

  test("wait while a message before them is published by turns", async () => {
    const { feed, heard, sink } = crowded();
    feed.record(0, "wsmanager", from("other", { body: "first", topic: "a" }));
    sink.isSpreading = true;
    feed.record(1, "wsmanager", from("other", { body: "second", topic: "a" }));
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(heard).toEqual(["first"]);
    sink.isSpreading = false;
    await turn();
    expect(heard).toEqual(["first", "second"]);
  });

  test("do not wait where nobody hears them", async () => {
    const { feed, heard, known } = crowded();
    feed.record(0, "wsmanager", recordOf(0));
    known.hears = false;
    feed.record(1, "towsmanager", recordOf(1));
    await turn();
    expect(heard.length).toBeLessThan(20);
    known.hears = true;
    feed.record(2, "wsmanager", from("other", { body: "next", topic: "a" }));
    expect(heard.at(-1)).toBe("next");
  });

  test("take no more memory than a limit: beyond it those that wait longest are handed on at once", () => {
    const { feed, heard } = crowded();
    const large = "x".repeat(90_000);
    const count = 45;
    for (let record = 0; record < count; record++) {
      const messages = ["a", "b", "c"].map((name) => ({ body: name + large, topic: "a" }));
      feed.record(record, "wsmanager", packed(`manager-${record}`, messages));
    }
    // What waits has about 8 MiB.
    expect(3 * count - heard.length).toBeGreaterThan((8 * 1024 ** 2) / large.length - 6);
    expect(3 * count - heard.length).toBeLessThan((8 * 1024 ** 2) / large.length);
  });
});

describe("a pack of ten thousand topics that are costly to compare with what clients subscribe to", () => {
  /** A feed whose clients want some of the topics, which takes a twentieth of a millisecond each to find out. */
  function costly(wants: (topic: string) => boolean) {
    const clock = { ms: 0 };
    const relayed: string[] = [];
    const sink = {
      ...feedOf("manager-1").sink,
      wants: (topic: string) => {
        clock.ms += 0.05;
        return wants(topic);
      },
      relay: ({ topic }: OutgoingMessage) => void relayed.push(topic),
    };
    const loop = new LoopTime(() => clock.ms);
    const logger = new RecordingLogger();
    const feed = new Feed(
      "manager-1",
      sink,
      logger,
      new MessageTrace(logger, "off"),
      new SkippedRecords(logger),
      1024 ** 2,
      new Repeats(),
      loop,
    );
    const messages = Array.from({ length: 10_000 }, (_, number) => ({ body: "x", topic: `${number}` }));
    const spend = () => {
      const beganMs = clock.ms;
      feed.record(0, "wsmanager", packed("manager-2", messages));
      return clock.ms - beganMs;
    };
    return { clock, relayed, spend };
  }

  test("is compared with them by turns, and clients get theirs in order", async () => {
    const wanted = ["0", "77", "5000", "9999"];
    const { clock, relayed, spend } = costly((topic) => wanted.includes(topic));
    expect(spend()).toBeLessThan(8);
    while (relayed.length < wanted.length) {
      const beganMs = clock.ms;
      await turn();
      expect(clock.ms - beganMs).toBeLessThan(8);
    }
    expect(relayed).toEqual(wanted);
  });

  test("is as cheap where nobody wants any", async () => {
    const { clock, spend } = costly(() => false);
    expect(spend()).toBeLessThan(8);
    for (let beforeMs = -1; beforeMs < clock.ms; ) {
      beforeMs = clock.ms;
      await turn();
      expect(clock.ms - beforeMs).toBeLessThan(8);
    }
    // All were compared, and those that had been by then once more.
    expect(clock.ms).toBeWithin(500, 520);
  });
});
