import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { makeNpmPackages } from "../../build/npm-packages.ts";
import { ownTarget, targets } from "../../build/targets.ts";
import packageJson from "../../package.json" with { type: "json" };
import { executable } from "../support/executable.ts";
import { removeAtExit } from "../support/leftovers.ts";
import { run } from "../support/run.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

test("npm's packages, packed and installed into an empty folder, run the executable of this platform", async () => {
  const folder = mkdtempSync(join(tmpdir(), "warren-npm-"));
  removeAtExit(folder);
  // npm would compress the executable for many seconds: what is packed leads to it.
  const standIn = join(folder, "warren");
  await Bun.write(standIn, `#!/bin/sh\nexec ${await executable()} "$@"\n`);
  const homes = await makeNpmPackages(join(folder, "made"), new Map([[ownTarget(), standIn]]));
  const env = {
    ...process.env,
    npm_config_cache: join(folder, "cache"),
    npm_config_update_notifier: "false",
  };
  const reports = JSON.parse(await run(["npm", "pack", "--json", ...homes], { cwd: folder, env })) as {
    filename: string;
    files: { path: string; mode: number }[];
  }[];
  for (const { files } of reports)
    expect(files.find(({ path }) => path.startsWith("bin/"))!.mode & 0o111).toBe(0o111);
  const packed = reports.map(({ filename }) => join(folder, filename));
  await Bun.write(join(folder, "package.json"), "{}");
  // Nothing is asked of a registry: the packages of other platforms cannot be had, and are optional.
  await run(["npm", "install", "--offline", "--no-audit", "--no-fund", ...packed], { cwd: folder, env });
  const bin = join(folder, "node_modules", ".bin", "warren");
  expect(await run(["npx", "--offline", "warren", "--version"], { cwd: folder, env })).toBe(
    `warren ${packageJson.version}\n`,
  );

  const warren = new WarrenProcess([bin, "--port", "0"], {});
  await warren.waitUntilReady();
  expect(await warren.stop()).toBe(0);
  expect(warren.log.map(({ msg }) => msg)).toContain("stopped");

  // A platform without its package is told what is missing.
  const lonely = mkdtempSync(join(tmpdir(), "warren-npm-"));
  removeAtExit(lonely);
  await run(["npm", "install", "--offline", "--omit=optional", "--prefix", lonely, packed.at(-1)!], {
    cwd: lonely,
    env,
  });
  await expect(run([join(lonely, "node_modules", ".bin", "warren")])).rejects.toThrow(
    "npm installs it by itself unless optional dependencies are left out",
  );
});

test("the package that npx asks for names one for each platform, of its own version", async () => {
  const folder = mkdtempSync(join(tmpdir(), "warren-npm-"));
  removeAtExit(folder);
  const [home] = await makeNpmPackages(folder, new Map());
  const { name, version, bin, optionalDependencies } = JSON.parse(
    readFileSync(join(home!, "package.json"), "utf8"),
  );
  expect({ name, version, bin }).toEqual({
    name: "warren",
    version: packageJson.version,
    bin: { warren: "bin/warren.js" },
  });
  expect(optionalDependencies).toEqual(
    Object.fromEntries(Object.keys(targets).map((target) => [`warren-${target}`, packageJson.version])),
  );
});

interface Workflow {
  readonly on: { readonly schedule?: readonly { readonly cron: string }[] };
  readonly permissions: Record<string, string>;
  readonly jobs: Record<
    string,
    {
      readonly needs?: string;
      readonly "timeout-minutes": number;
      readonly steps: readonly {
        readonly uses?: string;
        readonly run?: string;
        readonly with?: Record<string, unknown>;
      }[];
    }
  >;
}

describe("the workflows", () => {
  const folder = join(projectFolder, ".github", "workflows");
  const files = readdirSync(folder);
  const workflows = files.map((file) => Bun.YAML.parse(readFileSync(join(folder, file), "utf8")) as Workflow);
  const steps = workflows.flatMap(({ jobs }) => Object.values(jobs).flatMap(({ steps: each }) => each));

  test("may read alone unless a job says more, and end", () => {
    expect(files.toSorted()).toEqual(["ci.yaml", "nightly.yaml", "release.yaml"]);
    for (const { permissions, jobs } of workflows) {
      expect(permissions).toEqual({ contents: "read" });
      for (const job of Object.values(jobs)) {
        expect(job["timeout-minutes"]).toBeGreaterThan(0);
        if (job.needs !== undefined) expect(Object.keys(jobs)).toContain(job.needs);
      }
    }
  });

  test("run what there is to run", () => {
    const commands = steps.map(({ run: command = "" }) => command).join("\n");
    const scripts = [...commands.matchAll(/bun(?:@[\d.]+)? run (\S+)/g)].map(([, name]) => name!);
    expect(scripts.length).toBeGreaterThan(2);
    for (const name of scripts) expect(packageJson.scripts).toHaveProperty(name);
    const [, script] = /bash (\S+)/.exec(commands)!;
    expect(existsSync(join(projectFolder, script!))).toBe(true);
  });

  test("try RabbitMQ 4.0 each night, and not for each push, by the Bun that the project names", () => {
    const nightly = workflows[files.indexOf("nightly.yaml")]!;
    expect(nightly.on.schedule).toEqual([{ cron: expect.stringMatching(/^\d+ \d+ \* \* \*$/) }]);
    const commands = Object.values(nightly.jobs).flatMap(({ steps: each }) =>
      each.map(({ run: text }) => text),
    );
    const withBun = `npx --yes ${packageJson.packageManager} run test:rabbitmq4.0`;
    expect(commands).toContainEqual(expect.stringContaining(withBun));
    const ci = readFileSync(join(projectFolder, ".ci", "run"), "utf8");
    expect(ci).toContain("bun run test:rabbitmq4\n");
    expect(ci).not.toContain("rabbitmq4.0");
  });

  test("take actions of a named version, and make checksums, provenance, and an image for two architectures", () => {
    const actions = steps.flatMap(({ uses = [] }) => uses);
    for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
    const withOf = (name: string) => steps.find(({ uses }) => uses?.startsWith(`${name}@`))!.with;
    expect(withOf("actions/attest-build-provenance")).toEqual({
      "subject-checksums": "dist/release/SHA256SUMS",
    });
    expect(withOf("docker/build-push-action")).toMatchObject({
      platforms: "linux/amd64,linux/arm64",
      provenance: "mode=max",
    });
  });
});
