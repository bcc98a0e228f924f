import { expect, test } from "bun:test";
import { Conversation, entriesMax, shownPerSecondMax } from "../../../static/session/conversation.ts";
import type { OwnEntry } from "../../../static/session/entry.ts";
import { unansweredMax } from "../../../static/session/unanswered.ts";

function send(conversation: Conversation, text: string, nowMs = 0): OwnEntry {
  const entry = conversation.write(text, "", nowMs);
  conversation.markSent(entry, text, nowMs);
  return entry;
}

test("an own message waits, is sent, and is processed when its answer comes", () => {
  const conversation = new Conversation();
  const own = conversation.write("hello", "", 100);
  expect(own.state).toBe("waiting");
  conversation.markSent(own, "hello", 110);
  expect(own.state).toBe("sent");
  conversation.receiveText("processed message: hello", 115);
  expect(own).toMatchObject({ state: "processed", tookMs: 5 });
  expect(conversation.entries).toMatchObject([
    { kind: "own", text: "hello" },
    { kind: "processed", text: "processed message: hello", answersOwn: true },
  ]);
});

test("of several own messages with the same text, the oldest is answered first", () => {
  const conversation = new Conversation();
  const [first, second] = [send(conversation, "again"), send(conversation, "again")];
  conversation.receiveText("processed message: again", 1);
  expect([first.state, second.state]).toEqual(["processed", "sent"]);
  conversation.receiveText("processed message: again", 2);
  conversation.receiveText("processed message: again", 3);
  expect([first.state, second.state]).toEqual(["processed", "processed"]);
  expect(conversation.entries.at(-1)).toMatchObject({ kind: "processed", answersOwn: false });
});

test("what others send and what answers them is told apart from one's own", () => {
  const conversation = new Conversation();
  send(conversation, "mine");
  conversation.receiveText("theirs", 1);
  conversation.receiveText("processed message: theirs", 2);
  expect(conversation.entries.slice(1)).toMatchObject([
    { kind: "other", text: "theirs" },
    { kind: "processed", answersOwn: false },
  ]);
});

test("an empty message is a message", () => {
  const conversation = new Conversation();
  conversation.receiveText("", 1);
  expect(conversation.entries).toMatchObject([{ kind: "other", text: "" }]);
});

test("binary shows as size and hex", () => {
  const conversation = new Conversation();
  conversation.receiveBinary(new Uint8Array([1, 2]), 1);
  expect(conversation.entries).toMatchObject([{ kind: "binary", sizeBytes: 2, preview: "01 02" }]);
});

test("a lost connection leaves sent messages unsure until their answer comes after all", () => {
  const conversation = new Conversation();
  const own = send(conversation, "hello");
  conversation.markUnsure();
  expect(own.state).toBe("unsure");
  conversation.receiveText("processed message: hello", 1);
  expect(own.state).toBe("processed");
});

test("on another topic, an answer with the same text is somebody else's", () => {
  const conversation = new Conversation();
  const own = send(conversation, "hello");
  conversation.forgetUnanswered();
  conversation.receiveText("processed message: hello", 1);
  expect(own.state).toBe("sent");
});

test("a flood is shown in part and counted for the rest, second by second", () => {
  const conversation = new Conversation();
  for (let i = 0; i < 10_000; i++) conversation.receiveText(`flood ${i}`, 0);
  expect(conversation.entries).toHaveLength(shownPerSecondMax + 1);
  expect(conversation.entries.at(-1)).toMatchObject({ kind: "gap", count: 10_000 - shownPerSecondMax });
  conversation.receiveText("a second later", 1_000);
  expect(conversation.entries.at(-1)).toMatchObject({ kind: "other", text: "a second later" });
  expect(conversation.messages).toBe(10_001);
  expect([conversation.floods(100), conversation.floods(10_000)]).toEqual([true, false]);
});

test("own messages and their answers are shown in the midst of a flood", () => {
  const conversation = new Conversation();
  for (let i = 0; i < 1_000; i++) conversation.receiveText(`flood ${i}`, 0);
  send(conversation, "mine");
  conversation.receiveText("processed message: mine", 0);
  expect(conversation.entries.slice(-2)).toMatchObject([{ kind: "own" }, { kind: "processed" }]);
});

test("the list keeps the newest, and counts the messages that made room", () => {
  const conversation = new Conversation();
  for (let i = 0; i < entriesMax + 7; i++) conversation.receiveText(`${i}`, i * 1_000);
  conversation.note("an event is no message", 0);
  expect(conversation.entries).toHaveLength(entriesMax);
  expect(conversation.entries[0]).toMatchObject({ text: "8" });
  expect(conversation.evicted).toBe(8);
});

test("a handler that never answers does not fill the tab", () => {
  const conversation = new Conversation();
  const first = send(conversation, "0");
  for (let i = 1; i <= unansweredMax; i++) send(conversation, `${i}`);
  conversation.receiveText("processed message: 0", 0);
  expect(first.state).toBe("sent");
  const huge = send(conversation, "x".repeat(5 * 1024 * 1024));
  expect(huge.text.length).toBeLessThan(3_000);
});

test("a view learns once what changed", () => {
  const conversation = new Conversation();
  const own = send(conversation, "hello");
  expect([...conversation.takeChanged()]).toEqual([own]);
  expect(conversation.takeChanged().size).toBe(0);
});
