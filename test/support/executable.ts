import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { executablePath, projectFolder } from "../../build/compile.ts";
import { run } from "./run.ts";

/** The inputs of the executable. */
const sources = ["src", "static", "build", "patches", "package.json", "bun.lock"];

let built: Promise<string> | undefined;

/** The path of dist/warren. It is built first if it is older than its inputs. */
export function executable(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  if (!existsSync(executablePath) || statSync(executablePath).mtimeMs < newestSource()) {
    await run([process.execPath, "run", "build"], { cwd: projectFolder });
  }
  return executablePath;
}

function newestSource(): number {
  const files = sources.flatMap((source) => {
    const path = join(projectFolder, source);
    return statSync(path).isDirectory()
      ? [...new Bun.Glob("**").scanSync({ cwd: path, absolute: true })]
      : [path];
  });
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}
