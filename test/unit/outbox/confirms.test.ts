import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { RecordingLink } from "../doubles/recording-link.ts";
import { turn } from "../doubles/turn.ts";
import { onConfirmed } from "../doubles/waiter.ts";
import { afterRefusalMs, appendAll, connected, numbered, outboxOf } from "./connected.ts";

// Immediates stay real: `turn` waits for them.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("a confirm", () => {
  test("reaches its waiter once, and not before", async () => {
    const { outbox } = connected();
    const confirmed: string[] = [];
    for (const body of ["one", "two"])
      outbox.append(
        { body, topic: "" },
        onConfirmed(() => confirmed.push(body)),
      );
    await turn();
    expect(confirmed).toEqual([]);
    outbox.confirmed(2, false);
    expect(confirmed).toEqual(["two"]);
    outbox.confirmed(2, false);
    outbox.confirmed(2, true);
    outbox.confirmed(2, true);
    expect(confirmed).toEqual(["two", "one"]);
    expect(outbox.account.confirmedCount).toBe(2);
  });

  test("of a tag that was never sent changes nothing", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    outbox.confirmed(7, false);
    outbox.refused(7, false);
    expect(outbox.unconfirmed).toBe(1);
    expect(outbox.isEmpty).toBe(false);
  });

  test("that comes late for a lost link changes nothing", async () => {
    const { outbox } = connected();
    let confirms = 0;
    outbox.append(
      { body: "one", topic: "" },
      onConfirmed(() => confirms++),
    );
    await turn();
    outbox.closed();
    outbox.confirmed(1, true);
    expect(confirms).toBe(0);
    expect(outbox.isEmpty).toBe(false);
  });

  test("may append the next message from within", async () => {
    const { outbox, link } = connected();
    outbox.append(
      { body: "question", topic: "" },
      onConfirmed(() => outbox.append({ body: "answer", topic: "" })),
    );
    await turn();
    outbox.confirmed(1, false);
    expect(outbox.isEmpty).toBe(false);
    await turn();
    expect(link.bodies).toEqual(["question", "answer"]);
  });

  test("of a packed envelope confirms all its messages", async () => {
    const { outbox } = connected(true);
    const confirmed: string[] = [];
    for (const body of ["one", "two", "three"])
      outbox.append(
        { body, topic: "" },
        onConfirmed(() => confirmed.push(body)),
      );
    await turn();
    outbox.confirmed(1, false);
    expect(confirmed).toEqual(["one", "two", "three"]);
    expect(outbox.account.confirmedCount).toBe(3);
    expect(outbox.level.bytes).toBe(0);
  });
});

describe("after a lost link", () => {
  test("all that is unconfirmed goes again, in order, with the same ids, before what waits", async () => {
    const { outbox, link } = connected(false, { windowMax: 4 });
    appendAll(outbox, numbered(6));
    await turn();
    outbox.confirmed(2, false);
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    expect(next.bodies).toEqual(["0", "2", "3", "4"]);
    expect(next.ids.slice(0, 3)).toEqual([link.ids[0], link.ids[2], link.ids[3]]);
    expect(outbox.repeatedCount).toBe(3);
    outbox.confirmed(4, true);
    await turn();
    expect(next.bodies.slice(4)).toEqual(["5"]);
    outbox.confirmed(5, true);
    expect(outbox.level.bytes).toBe(0);
  });

  test("nothing is sent until the next one opens", async () => {
    const { outbox, link } = connected(true);
    appendAll(outbox, ["before"]);
    outbox.closed();
    appendAll(outbox, ["while away"]);
    await turn();
    jest.advanceTimersByTime(afterRefusalMs);
    expect(link.sends).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("a packed envelope goes again as it was, though more could be packed by now", async () => {
    const { outbox, link } = connected(true);
    appendAll(outbox, ["one", "two"]);
    await turn();
    outbox.closed();
    appendAll(outbox, ["three"]);
    const next = new RecordingLink();
    outbox.opened(next);
    expect(next.envelopes[0]).toEqual(link.envelopes[0]!);
    expect(next.bodies).toEqual(["one", "two", "three"]);
  });

  test("a refused one takes its old place among those that go again", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one", "two", "three"]);
    await turn();
    outbox.refused(3, false);
    outbox.refused(1, false);
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    jest.advanceTimersByTime(afterRefusalMs);
    expect(next.bodies).toEqual(["one", "two", "three"]);
    expect(next.ids).toEqual(link.ids);
  });

  test("many times over, each message is still confirmed once", async () => {
    const outbox = outboxOf();
    let confirms = 0;
    outbox.append(
      { body: "one", topic: "" },
      onConfirmed(() => confirms++),
    );
    for (let attempt = 0; attempt < 20; attempt++) {
      outbox.opened(new RecordingLink());
      await turn();
      outbox.closed();
    }
    outbox.opened(new RecordingLink());
    outbox.confirmed(1, false);
    expect(confirms).toBe(1);
    expect(outbox.repeatedCount).toBe(20);
  });
});
