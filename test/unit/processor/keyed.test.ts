import { expect, test } from "bun:test";
import { Keyed } from "../../../src/processor/keyed.ts";

const idAt = (seconds: number, key = "A") =>
  `once-${key.repeat(22)}-x-${seconds.toString(36)}-${(120).toString(36)}`;

function world() {
  const acknowledged: string[] = [];
  const keyed = new Keyed();
  const begin = (id: string, name: string) => keyed.begin(id, () => void acknowledged.push(name));
  return { acknowledged, begin };
}

test("a second message of a key is acknowledged after the first one, and not handled", () => {
  const { acknowledged, begin } = world();
  const done = begin(idAt(1000), "first")!;
  expect(begin(idAt(1001), "second")).toBeUndefined();
  expect(acknowledged).toEqual([]);
  done();
  expect(acknowledged).toEqual(["first", "second"]);
  expect(begin(idAt(999), "third")).toBeUndefined();
  expect(acknowledged).toEqual(["first", "second", "third"]);
});

test("what has no key, another one, or came after the window is handled", () => {
  const { acknowledged, begin } = world();
  begin(idAt(1000), "first")!();
  for (const id of ["manager-1", "manager-1", idAt(1000, "B"), idAt(1120)]) begin(id, id)!();
  expect(acknowledged).toHaveLength(5);
});
