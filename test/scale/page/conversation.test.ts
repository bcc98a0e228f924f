import { heapSize } from "bun:jsc";
import { expect, test } from "bun:test";
import { Conversation } from "../../../static/session/conversation.ts";

function receive(conversation: Conversation, body: string | Uint8Array, nowMs: number): void {
  conversation.receive({ body, topic: "", isDirect: false, headers: {} }, nowMs);
}

test("a part of a long text does not keep all of it in memory", () => {
  const conversation = new Conversation();
  const messages = 16;
  const bytesEach = 1024 * 1024;
  Bun.gc(true);
  const before = heapSize();
  for (let i = 0; i < messages; i++) {
    const text = new TextDecoder().decode(new Uint8Array(bytesEach).fill(97 + (i % 26)));
    receive(conversation, text, 1000 * i);
  }
  Bun.gc(true);
  expect(conversation.entries).toHaveLength(messages);
  expect(heapSize() - before).toBeLessThan((messages * bytesEach) / 4);
});
