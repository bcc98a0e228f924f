import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { commentsLeftOut } from "./without-comments.ts";

export const projectFolder = join(import.meta.dir, "..");

/** What `bun run build` makes. */
export const executablePath = join(projectFolder, "dist", "warren");

/**
 * Compiles Warren for this machine, or for `target`, into one file that needs nothing else. It appears at `path` only
 * when it is complete, so that nobody starts half of it.
 *
 * @param plugins what changes the source on its way
 */
export async function compile(
  path: string,
  target?: Bun.Build.CompileTarget,
  plugins: Bun.BunPlugin[] = [],
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  // Beside the target: a rename works within one file system only.
  const workshop = mkdtempSync(join(dirname(path), ".build-"));
  try {
    const { outputs } = await Bun.build({
      // The second is the code of a thread (src/ops/watched-admin.ts).
      entrypoints: ["main.ts", "ops/admin-thread.ts"].map((file) => join(projectFolder, "src", file)),
      // The first that answers for a file is asked alone.
      plugins: [...plugins, commentsLeftOut],
      target: "bun",
      format: "esm",
      minify: true,
      // This halves the time to start (docs/decisions.md).
      bytecode: true,
      // For stack traces that name our lines. The map travels inside the executable, with the sources that the bundler has read.
      sourcemap: "inline",
      compile: {
        outfile: join(workshop, "warren"),
        ...(target === undefined ? {} : { target }),
        // A .env or bunfig.toml in the folder where someone starts Warren is not about Warren.
        autoloadDotenv: false,
        autoloadBunfig: false,
        // Handlers come with these: without them an import of most npm packages, or of a path alias, is not found.
        autoloadPackageJson: true,
        autoloadTsconfig: true,
      },
    });
    const executable = outputs.find(({ kind }) => kind === "entry-point");
    if (executable === undefined) throw new Error("the build made no executable");
    renameSync(executable.path, path);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}
