import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import { compile, executablePath, projectFolder } from "../../../build/compile.ts";
import { executable } from "../../support/executable.ts";

/** The line of a manager's source that connects its events. */
const file = join(projectFolder, "src/manager/steering.ts");
const told = "toldOf(this.#events, presence)";
const path = join(projectFolder, "dist/bench/warren-without-events");

/**
 * The executable of this source without announcements of clients, to events and to presence. Everything else is the same, with the
 * connection for events.
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
