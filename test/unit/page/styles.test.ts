import { expect, test } from "bun:test";
import { join } from "node:path";
import { projectFolder } from "../../../build/compile.ts";

/**
 * Chromium on Linux asks another process for each family that it does not know yet, and waits for the answer before it draws. A list
 * of what every system calls its own font was a third of the time to the first paint on a busy machine.
 */
test("no style sheet names more than two font families where it asks for one", async () => {
  const folder = join(projectFolder, "static");
  const lists: string[] = [];
  for (const path of new Bun.Glob("**/*.css").scanSync({ cwd: folder, absolute: true })) {
    const css = (await Bun.file(path).text()).replaceAll(/\/\*.*?\*\//gs, "");
    for (const [, list] of css.matchAll(/(?:font|font-family|--mono):([^;]+);/g)) lists.push(list!);
  }
  expect(lists.length).toBeGreaterThan(5);
  expect(lists.filter((list) => list.split(",").length > 2)).toEqual([]);
});
