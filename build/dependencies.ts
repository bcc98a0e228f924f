import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./compile.ts";

/** Installs what the lockfile says where nothing is installed yet, so that each script works in a fresh clone. */
export async function installIfMissing(): Promise<void> {
  if (existsSync(join(projectFolder, "node_modules", "amqplib"))) return;
  const install = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: projectFolder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await install.exited) !== 0) throw new Error("bun install --frozen-lockfile failed");
}
