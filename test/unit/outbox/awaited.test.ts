import { expect, test } from "bun:test";
import { Share } from "../../../src/envelope/share.ts";
import type { Waiter } from "../../../src/envelope/waiter.ts";
import { appendAll, connected } from "./connected.ts";

const waiter = (isPatient?: true): Waiter => ({
  ...(isPatient === undefined ? {} : { isPatient }),
  confirmed: () => undefined,
  setAside: () => undefined,
});

test("a confirm is awaited as long as a message on the wire has a waiter that is not patient", async () => {
  const { outbox, turn } = inPieces();
  await turn("nobody", undefined);
  await turn("patient", waiter(true));
  expect(outbox.isAwaited).toBe(false);
  await turn("receipt", waiter());
  await turn("patient", waiter(true));
  expect(outbox.isAwaited).toBe(true);
  outbox.confirmed(2, true);
  expect(outbox.isAwaited).toBe(true);
  outbox.confirmed(3, false);
  expect(outbox.isAwaited).toBe(false);
});

test("a confirm is awaited if one of a pack's messages has a waiter that is not patient", async () => {
  const { outbox } = connected(true);
  outbox.append({ body: "one", topic: "" }, waiter(true));
  outbox.append({ body: "two", topic: "" }, waiter());
  outbox.append({ body: "three", topic: "" });
  await Bun.sleep(0);
  expect(outbox.isAwaited).toBe(true);
  outbox.confirmed(1, false);
  expect(outbox.isAwaited).toBe(false);
});

test("what was on the wire of a lost link is awaited on the next one, and counted once", async () => {
  const { outbox, link, turn } = inPieces();
  await turn("receipt", waiter());
  outbox.closed();
  expect(outbox.isAwaited).toBe(false);
  outbox.opened(link);
  await Bun.sleep(0);
  expect(outbox.isAwaited).toBe(true);
  outbox.confirmed(1, false);
  expect(outbox.isAwaited).toBe(false);
});

test("whoever asks whether all of a sender's messages are confirmed awaits the next confirm, if they are not", async () => {
  const { outbox, turn } = inPieces();
  const share = new Share();
  await turn("one", undefined, share);
  expect(outbox.isAwaited).toBe(false);
  expect(outbox.isSettled(share)).toBe(false);
  expect(outbox.isAwaited).toBe(true);
  outbox.confirmed(1, false);
  expect(outbox.isSettled(share)).toBe(true);
  expect(outbox.isAwaited).toBe(false);
});

test("confirms are awaited while the window is a quarter full", async () => {
  const { outbox } = connected(false, { windowMax: 8 });
  appendAll(outbox, ["one"]);
  await Bun.sleep(0);
  expect(outbox.isAwaited).toBe(false);
  appendAll(outbox, ["two"]);
  await Bun.sleep(0);
  expect(outbox.isAwaited).toBe(true);
  outbox.confirmed(1, false);
  expect(outbox.isAwaited).toBe(false);
});

test("an outbox whose owner needs confirms awaits them", () => {
  const { outbox } = connected(false);
  outbox.isPressed = () => true;
  expect(outbox.isAwaited).toBe(true);
});

/** An outbox, each of whose messages is an envelope. */
function inPieces() {
  const { outbox, link } = connected(false);
  const turn = async (body: string, waiter: Waiter | undefined, share?: Share) => {
    outbox.append({ body, topic: "" }, waiter, 0, share);
    await Bun.sleep(0);
  };
  return { outbox, link, turn };
}
