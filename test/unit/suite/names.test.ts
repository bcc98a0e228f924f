import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";

/** Who reads the name of a test knows whether it starts RabbitMQ. */

const root = join(import.meta.dir, "../../..");
const starter = join(root, "test/support/rabbitmq.ts");
const known = new Map<string, ReadonlySet<string>>();

/** The files of this project that a file imports, and those that these import. */
function importsOf(file: string): ReadonlySet<string> {
  const before = known.get(file);
  if (before !== undefined) return before;
  const all = new Set<string>();
  known.set(file, all);
  for (const [, path] of readFileSync(file, "utf8").matchAll(
    /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+\.ts)"/g,
  )) {
    const imported = normalize(join(dirname(file), path!));
    if (!existsSync(imported)) continue;
    all.add(imported);
    for (const further of importsOf(imported)) all.add(further);
  }
  return all;
}

const tests = (folder: string) => [...new Bun.Glob(`test/${folder}/**/*.test.ts`).scanSync(root)];

test("a test of test/integration has rabbitmq in its name if it starts RabbitMQ, and only then", () => {
  const all = tests("integration");
  expect(all.length).toBeGreaterThan(50);
  const starts = all.filter((file) => importsOf(join(root, file)).has(starter));
  expect(starts.sort()).toEqual(all.filter((file) => basename(file).includes("rabbitmq")).sort());
});

test("no test of test/unit or test/scale starts RabbitMQ", () => {
  const all = [...tests("unit"), ...tests("scale")];
  expect(all.length).toBeGreaterThan(100);
  expect(all.filter((file) => importsOf(join(root, file)).has(starter))).toEqual([]);
});

test("no unit test needs a scripted broker: its sockets and timers are for test/integration/scripted-broker", () => {
  const scripted = join(root, "test/support/fake-amqp.ts");
  const uses = (file: string) => importsOf(join(root, file)).has(scripted);
  expect(tests("unit").filter(uses)).toEqual([]);
  expect(tests("integration/scripted-broker").every(uses)).toBe(true);
});
