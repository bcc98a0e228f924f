import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import { compile, executablePath, projectFolder } from "../../../build/compile.ts";
import { executable } from "../../support/executable.ts";

/** Where a manager says whom it tells of its clients. */
const file = join(projectFolder, "src/manager/steering.ts");
const told = "toldOf(this.#events, presence)";
const path = join(projectFolder, "dist/bench/warren-without-events");

/**
 * The executable of this source, but that nobody tells anybody of clients: neither events nor presence hear of them. All else is as it is, the
 * connection that events would go by too.
 */
export async function withoutEvents(): Promise<string> {
  await executable();
  if (!existsSync(path) || statSync(path).mtimeMs < statSync(executablePath).mtimeMs)
    await compile(path, undefined, [plugin]);
  return path;
}

const plugin: BunPlugin = {
  name: "without events",
  setup(build) {
    build.onLoad({ filter: /manager[\\/]steering\.ts$/ }, async () => {
      const source = await Bun.file(file).text();
      if (!source.includes(told)) throw new Error(`${file} does not say ${told} any more`);
      return { contents: source.replace(told, "nobodyTold"), loader: "ts" };
    });
  },
};
