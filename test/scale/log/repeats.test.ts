import { expect, test } from "bun:test";
import { contentsOf, seal } from "../../../src/envelope/envelope.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { Repeats } from "../../../src/log/repeats.ts";
import { SeenIds } from "../../../src/log/seen.ts";

const manager = "manager-0123456789ab";

test("what came before the start is remembered until as much has come since, however much of either there is", () => {
  const repeats = new Repeats();
  const mark = (how: "mark" | "markPast", offset: number, id: string) => {
    const envelope = seal({ body: "x", topic: "a" }, id, "app", 1);
    const record = new LogRecord(offset, "wsmanager", envelope, () => contentsOf(envelope, "?"));
    repeats[how](record, envelope);
    return record.isRepeat(0);
  };
  repeats.expectPast();
  mark("mark", 200_000, `${manager}-7`);
  for (let offset = 0; offset < 140_000; offset++) mark("markPast", offset, `${manager}-b1-${offset}`);
  repeats.pastEnded(0);
  // Neither has pushed out the other.
  expect(mark("mark", 200_001, `${manager}-7`)).toBe(true);
  expect(mark("mark", 200_002, `${manager}-b1-139999`)).toBe(true);
  for (let offset = 200_003; offset < 270_000; offset++) mark("mark", offset, `${manager}-b2-${offset}`);
  expect(mark("mark", 270_000, `${manager}-b1-139998`)).toBe(false);
  expect(mark("mark", 270_001, `${manager}-b2-269999`)).toBe(true);
});

test("the last 65,536 ids are remembered, and none is taken for another", () => {
  const seen = new SeenIds();
  const id = (n: number) => `${manager}-${n}/processor/1`;
  for (let n = 0; n < 300_000; n++) if (seen.remember(id(n))) throw new Error(`${id(n)} had not come before`);
  for (let n = 300_000 - 65_536; n < 300_000; n++)
    if (!seen.remember(id(n))) throw new Error(`${id(n)} had come before`);
  expect(seen.remember(id(0))).toBe(false);
});
