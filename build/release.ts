import { mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { compile, projectFolder } from "./compile.ts";

const targets = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-arm64",
  "darwin-x64",
  "windows-x64",
] as const;

const folder = join(projectFolder, "dist", "release");

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const sums: string[] = [];
for (const target of targets) {
  const suffix = target.startsWith("windows") ? ".exe" : "";
  const path = join(folder, `warren-${packageJson.version}-${target}${suffix}`);
  await compile(path, `bun-${target}`);
  sums.push(`${await sha256(path)}  ${basename(path)}`);
  process.stdout.write(`${sums.at(-1)}\n`);
}
await Bun.write(join(folder, "SHA256SUMS"), `${sums.join("\n")}\n`);

async function sha256(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const part of Bun.file(path).stream()) hasher.update(part);
  return hasher.digest("hex");
}
