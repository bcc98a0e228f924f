import { mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { compile, projectFolder } from "./compile.ts";
import { makeNpmPackages } from "./npm-packages.ts";
import { type Target, targets } from "./targets.ts";

const folder = join(projectFolder, "dist", "release");

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const sums: string[] = [];
const executables = new Map<Target, string>();
for (const target of Object.keys(targets) as Target[]) {
  const suffix = target.startsWith("windows") ? ".exe" : "";
  const path = join(folder, `warren-${packageJson.version}-${target}${suffix}`);
  await compile(path, `bun-${target}`);
  executables.set(target, path);
  sums.push(`${await sha256(path)}  ${basename(path)}`);
  process.stdout.write(`${sums.at(-1)}\n`);
}
await Bun.write(join(folder, "SHA256SUMS"), `${sums.join("\n")}\n`);
for (const home of await makeNpmPackages(join(projectFolder, "dist", "npm"), executables))
  process.stdout.write(`${home}\n`);

async function sha256(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const part of Bun.file(path).stream()) hasher.update(part);
  return hasher.digest("hex");
}
