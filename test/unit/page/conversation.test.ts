import { expect, test } from "bun:test";
import { Conversation, entriesMax, shownPerSecondMax } from "../../../static/session/conversation.ts";
import { type Entry, keptBytesMax, keptCharsMax, type OwnEntry } from "../../../static/session/entry.ts";
import { unansweredMax } from "../../../static/session/unanswered.ts";

let receipts = 0;

function send(conversation: Conversation, text: string, nowMs = 0): OwnEntry {
  const entry = conversation.write(text, "", nowMs);
  conversation.markSent(entry, text, `page.${++receipts}`, nowMs);
  return entry;
}

function receive(conversation: Conversation, body: string | Uint8Array, nowMs: number): void {
  conversation.receive({ body, topic: "", isDirect: false, headers: {} }, nowMs);
}

test("an own message waits, is sent, and is processed when its answer comes", () => {
  const conversation = new Conversation();
  const own = conversation.write("hello", "", 100);
  expect(own.state).toBe("waiting");
  conversation.markSent(own, "hello", "r", 110);
  expect(own.state).toBe("sent");
  receive(conversation, "processed message: hello", 115);
  expect(own).toMatchObject({ state: "processed", sentAtMs: 110, processedAtMs: 115 });
  expect(conversation.entries).toMatchObject([
    { kind: "own", text: "hello" },
    { kind: "processed", text: "processed message: hello", answersOwn: true },
  ]);
});

test("of several own messages with the same text, the oldest is answered first", () => {
  const conversation = new Conversation();
  const [first, second] = [send(conversation, "again"), send(conversation, "again")];
  receive(conversation, "processed message: again", 1);
  expect([first.state, second.state]).toEqual(["processed", "sent"]);
  receive(conversation, "processed message: again", 2);
  receive(conversation, "processed message: again", 3);
  expect([first.state, second.state]).toEqual(["processed", "processed"]);
  expect(conversation.entries.at(-1)).toMatchObject({ kind: "processed", answersOwn: false });
});

test("own messages, other clients' messages and answers are distinguished", () => {
  const conversation = new Conversation();
  send(conversation, "mine");
  receive(conversation, "theirs", 1);
  receive(conversation, "processed message: theirs", 2);
  expect(conversation.entries.slice(1)).toMatchObject([
    { kind: "other", text: "theirs" },
    { kind: "processed", answersOwn: false },
  ]);
});

test("an empty message is a message", () => {
  const conversation = new Conversation();
  receive(conversation, "", 1);
  expect(conversation.entries).toMatchObject([{ kind: "other", text: "" }]);
});

test("binary shows as size and hex", () => {
  const conversation = new Conversation();
  receive(conversation, new Uint8Array([1, 2]), 1);
  expect(conversation.entries).toMatchObject([{ kind: "binary", sizeBytes: 2, preview: "01 02" }]);
});

test("a lost connection leaves sent messages unsure until their answer comes after all", () => {
  const conversation = new Conversation();
  const own = send(conversation, "hello");
  conversation.markUnsure();
  expect(own.state).toBe("unsure");
  receive(conversation, "processed message: hello", 1);
  expect(own.state).toBe("processed");
});

test("an answer with the same text on another topic does not belong to an own message", () => {
  const conversation = new Conversation();
  const own = send(conversation, "hello");
  conversation.forgetUnanswered();
  receive(conversation, "processed message: hello", 1);
  expect(own.state).toBe("sent");
});

const foldedIn = (entry: Entry | undefined) => (entry?.kind === "gap" ? entry.folded : []);

test("a flood is shown in part and folded for the rest, second by second", () => {
  const conversation = new Conversation();
  for (let i = 0; i < 500; i++) receive(conversation, `flood ${i}`, 0);
  expect(conversation.entries).toHaveLength(shownPerSecondMax + 1);
  const folded = foldedIn(conversation.entries.at(-1));
  expect(folded).toHaveLength(500 - shownPerSecondMax);
  expect(folded.at(-1)).toMatchObject({ kind: "other", text: "flood 499" });
  expect(conversation.evicted).toBe(0);
  for (let i = 500; i < 10_000; i++) receive(conversation, `flood ${i}`, 0);
  // The newest are kept, folded ones too, and the others are counted.
  expect(conversation.evicted).toBe(10_000 - foldedIn(conversation.entries.at(-1)).length);
  expect(foldedIn(conversation.entries.at(-1)).length + conversation.entries.length).toBe(entriesMax);
  receive(conversation, "a second later", 1_000);
  expect(conversation.entries.at(-1)).toMatchObject({ kind: "other", text: "a second later" });
  expect(conversation.messages).toBe(10_001);
  expect([conversation.floods(100), conversation.floods(10_000)]).toEqual([true, false]);
});

test("own messages and their answers are shown in the midst of a flood", () => {
  const conversation = new Conversation();
  for (let i = 0; i < 1_000; i++) receive(conversation, `flood ${i}`, 0);
  send(conversation, "mine");
  receive(conversation, "processed message: mine", 0);
  expect(conversation.entries.slice(-2)).toMatchObject([{ kind: "own" }, { kind: "processed" }]);
});

test("the list keeps the newest, and counts the messages that made room", () => {
  const conversation = new Conversation();
  for (let i = 0; i < entriesMax + 7; i++) receive(conversation, `${i}`, i * 1_000);
  conversation.note("an event is no message", 0);
  expect(conversation.entries).toHaveLength(entriesMax);
  expect(conversation.entries[0]).toMatchObject({ text: "8" });
  expect(conversation.evicted).toBe(8);
});

test("a handler that never answers does not fill the tab", () => {
  const conversation = new Conversation();
  const first = send(conversation, "0");
  for (let i = 1; i <= unansweredMax; i++) send(conversation, `${i}`);
  receive(conversation, "processed message: 0", 0);
  expect(first.state).toBe("sent");
  const huge = send(conversation, "x".repeat(5 * 1024 * 1024));
  expect(huge.text.length).toBeLessThan(3_000);
});

test("what the broker has confirmed stays confirmed when the connection is lost", () => {
  const conversation = new Conversation();
  const [safe, open] = ["safe", "open"].map((text) => conversation.write(text, "", 0));
  conversation.markSent(safe!, "safe", "r-1", 0);
  conversation.markSent(open!, "open", "r-2", 0);
  conversation.markConfirmed("r-1", 7);
  conversation.markUnsure();
  expect([safe!.state, open!.state]).toEqual(["confirmed", "unsure"]);
  expect([safe!.confirmedAtMs, open!.confirmedAtMs]).toEqual([7, undefined]);
});

test("a refused message gets no answer, even if another client's message with the same text is answered", () => {
  const conversation = new Conversation();
  const own = conversation.write("hello", "", 0);
  conversation.markSent(own, "hello", "r-1", 0);
  expect(conversation.markRefused("r-1")).toBeTrue();
  expect(conversation.markRefused("r-1")).toBeFalse();
  receive(conversation, "processed message: hello", 1);
  expect(own.state).toBe("refused");
});

test("a view learns once what changed", () => {
  const conversation = new Conversation();
  const own = send(conversation, "hello");
  expect([...conversation.takeChanged()]).toEqual([own]);
  expect(conversation.takeChanged().size).toBe(0);
});

test("the part of a body that is kept for the details has a limit", () => {
  const conversation = new Conversation();
  receive(conversation, "x".repeat(10 ** 6), 0);
  receive(conversation, new Uint8Array(10 ** 6), 1);
  expect(conversation.entries.map((entry) => "body" in entry && entry.body.length)).toEqual([
    keptCharsMax,
    keptBytesMax,
  ]);
});

test("the pace is that of the last five seconds, and ends with them", () => {
  const { pace } = new Conversation();
  for (let ms = 0; ms < 5000; ms += 10) pace.count(1_000_000 + ms);
  expect(pace.perSecond(1_005_000)).toBe(100);
  expect(pace.perSecond(1_007_500)).toBe(60);
  expect(pace.perSecond(1_011_000)).toBe(0);
  pace.count(1_011_000);
  expect([pace.perSecond(1_011_500), pace.perSecond(1_012_000), pace.perSecond(9_000_000)]).toEqual([
    0, 1, 0,
  ]);
});
