import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { projectFolder } from "./compile.ts";
import { executableName, type Target, targets } from "./targets.ts";

const { version, license, description } = packageJson;
const shared = { version, license, description };

/**
 * The folders of the npm packages, ready for `npm publish`: `warren`, which has a few lines of JavaScript, and one with the executable for
 * each platform, of which npm installs the one that fits.
 *
 * @param executables by target: those whose packages are made
 * @returns the folders, `warren` last: it is to be published when the others are there
 */
export async function makeNpmPackages(
  folder: string,
  executables: ReadonlyMap<Target, string>,
): Promise<readonly string[]> {
  rmSync(folder, { recursive: true, force: true });
  const made: string[] = [];
  for (const [target, path] of executables) {
    const { os, cpu, libc } = targets[target];
    const home = await makePackage(folder, `warren-${target}`, {
      description: `${description}: the executable for ${target}`,
      os: [os],
      cpu: [cpu],
      ...(libc === undefined ? {} : { libc: [libc] }),
      files: ["bin"],
    });
    const executable = join(home, "bin", executableName(target));
    copyFileSync(path, executable);
    chmodSync(executable, 0o755);
    made.push(home);
  }
  const home = await makePackage(folder, "warren", {
    bin: { warren: "bin/warren.js" },
    type: "commonjs",
    engines: { node: ">=18" },
    files: ["bin"],
    optionalDependencies: Object.fromEntries(
      Object.keys(targets).map((target) => [`warren-${target}`, version]),
    ),
  });
  copyFileSync(join(import.meta.dir, "npm", "warren.js"), join(home, "bin", "warren.js"));
  chmodSync(join(home, "bin", "warren.js"), 0o755);
  cpSync(join(projectFolder, "README.md"), join(home, "README.md"));
  return [...made, home];
}

async function makePackage(folder: string, name: string, more: object): Promise<string> {
  const home = join(folder, name);
  mkdirSync(join(home, "bin"), { recursive: true });
  copyFileSync(join(projectFolder, "LICENSE"), join(home, "LICENSE"));
  await Bun.write(
    join(home, "package.json"),
    `${JSON.stringify({ name, ...shared, ...more }, undefined, 2)}\n`,
  );
  return home;
}
