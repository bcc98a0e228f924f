import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./compile.ts";

/**
 * `bun start`: Warren from its sources, in a fresh clone too.
 *
 * Between the terminal and Warren stand npx, a shell and `bun run`. Ctrl-C reaches all of them, and some pass it on as
 * well, so that Warren would see two signals, of which the second means "stop at once". And a SIGTERM for npx alone
 * ends the shell and reaches nobody else. So Warren is started out of their reach, and is told to stop from here, once.
 */

/** Two signals closer than this are one, taken twice. */
const oneSignalMs = 500;
/** How often to look whether those who started this are still there. */
const lookEveryMs = 250;

const starters = whoStartedThis();

if (!existsSync(join(projectFolder, "node_modules", "amqplib"))) await install();

const main = join(projectFolder, "src", "main.ts");
// With the flag Warren ends if this process is killed.
const warren = Bun.spawn([process.execPath, "--no-orphans", main, ...process.argv.slice(2)], {
  stdio: ["inherit", "inherit", "inherit"],
  detached: true,
});

let lastSignalAt = Number.NEGATIVE_INFINITY;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop(signal));
// The terminal is gone. To Warren itself SIGHUP may mean to read its files again.
process.on("SIGHUP", () => stop("SIGTERM"));

setInterval(() => {
  if (whoStartedThis() !== starters) stop("SIGTERM");
}, lookEveryMs).unref();

process.exit(await warren.exited);

/** What the lockfile says, as in a fresh clone. Not at every start, since it talks. */
async function install(): Promise<void> {
  const installing = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: projectFolder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await installing.exited) !== 0) throw new Error("bun install --frozen-lockfile failed");
}

function stop(signal: NodeJS.Signals): void {
  const sinceLast = performance.now() - lastSignalAt;
  lastSignalAt = performance.now();
  if (sinceLast > oneSignalMs) warren.kill(signal);
}

/** The process ids of those between npx and this: npx itself, its shell, `bun run`. Without npx, of `bun run` alone. */
function whoStartedThis(): string {
  const starters = [process.ppid];
  if (process.env["npm_execpath"]?.endsWith("npm-cli.js")) {
    const shell = parentOf(process.ppid);
    starters.push(shell, parentOf(shell));
  }
  return starters.join();
}

/** What `/proc` says; 0 where there is none. */
function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
  } catch {
    return 0;
  }
}
