import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import packageJson from "../../package.json" with { type: "json" };
import { roles } from "../../src/options/kinds/option.ts";
import { variableOf } from "../../src/options/names.ts";
import { type OptionName, optionTable } from "../../src/options/table.ts";
import { connect } from "../support/client.ts";
import { executable } from "../support/executable.ts";
import { forgetFolder, removeAtExit } from "../support/leftovers.ts";
import { inMountNamespace } from "../support/mount-namespace.ts";
import { run } from "../support/run.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren, WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const dockerfile = await Bun.file(join(projectFolder, "Dockerfile")).text();
const variables = new Set((Object.keys(optionTable) as OptionName[]).map(variableOf));

describe("the Dockerfile", () => {
  test("builds with the README's own command", async () => {
    expect(dockerfile.match(/^RUN .*$/gm)).toEqual(["RUN bun run build"]);
    expect(packageJson.scripts).toHaveProperty("build");
    expect(await Bun.file(join(projectFolder, "README.md")).text()).toContain("`bun run build`");
  });

  test("builds from the files that are sent to it, where nothing is installed yet", async () => {
    const ignored = (await Bun.file(join(projectFolder, ".dockerignore")).text()).split("\n").filter(Boolean);
    const context = mkdtempSync(join(tmpdir(), "warren-context-"));
    removeAtExit(context);
    try {
      for (const name of readdirSync(projectFolder)) {
        if (!ignored.includes(name))
          cpSync(join(projectFolder, name), join(context, name), { recursive: true });
      }
      expect(existsSync(join(context, "node_modules"))).toBe(false);
      await run([process.execPath, "run", "build"], { cwd: context });
      const version = await run([join(context, "dist", "warren"), "--version"]);
      expect(version.trim()).toBe(`warren ${packageJson.version}`);
    } finally {
      rmSync(context, { recursive: true, force: true });
      forgetFolder(context);
    }
  });

  test("builds with the Bun that the project names", () => {
    expect(dockerfile).toContain(`FROM oven/${packageJson.packageManager.replace("@", ":")} AS build`);
  });

  test("sets options that exist", () => {
    const set = dockerfile.match(/WARREN_\w+(?==)/g) ?? [];
    expect(set).not.toBeEmpty();
    for (const variable of set) expect(variables).toContain(variable);
  });

  test("runs as nobody", () => {
    expect(dockerfile.match(/^USER .*$/gm)).toEqual(["USER 65534:65534"]);
    expect(dockerfile.indexOf("USER")).toBeLessThan(dockerfile.indexOf("ENTRYPOINT"));
  });

  const check = JSON.parse(/HEALTHCHECK[^\n]*\\\n\s*CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? "") as string[];

  test("has a health check that tells a manager that is alive from none", async () => {
    const warren = await startWarren();
    const env = { ...process.env, WARREN_PORT: new URL(warren.url).port };
    await run(check, { env });
    await warren.stop();
    await expect(run(check, { env })).rejects.toThrow("failed with code 1");
  });

  test("has a health check that asks the admin port where there is one", async () => {
    const warren = await startWarren(["--admin-port", "0"]);
    const { admin } = await warren.waitForLog(({ msg }) => msg === "listening", "it listens");
    const [{ port }, { port: adminPort }] = [new URL(warren.url), new URL(String(admin))];
    await run(check, { env: { ...process.env, WARREN_PORT: port, WARREN_ADMIN_PORT: adminPort } });
    await expect(run(check, { env: { ...process.env, WARREN_PORT: port } })).rejects.toThrow(
      "failed with code 1",
    );
    await warren.stop();
  });
});

test("every dependency is pinned to one version, and the lockfile names a hash for each", async () => {
  const { dependencies, devDependencies } = packageJson;
  for (const [name, wanted] of Object.entries({ ...dependencies, ...devDependencies }))
    expect([name, wanted]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  const lockfile = await Bun.file(join(projectFolder, "bun.lock")).text();
  const packages = lockfile.slice(lockfile.indexOf('"packages": {')).match(/^ {4}".*$/gm) ?? [];
  expect(packages.length).toBeGreaterThan(5);
  for (const entry of packages) expect(entry).toMatch(/"sha512-[^"]+"\],$/);
});

interface Compose {
  readonly services: Record<
    string,
    {
      environment?: Record<string, string>;
      ports?: string[];
      deploy?: { replicas: number };
      cap_drop?: string[];
      security_opt?: string[];
      mem_limit?: string;
      read_only?: boolean;
    }
  >;
}

describe("compose.yaml", async () => {
  const { services } = Bun.YAML.parse(await Bun.file(join(projectFolder, "compose.yaml")).text()) as Compose;
  const inRole = (role: string) =>
    Object.values(services).filter(({ environment }) => environment?.["WARREN_ROLE"] === role);

  test("has RabbitMQ, two managers on ports of their own, and two processors", () => {
    expect(Object.keys(services)).toContain("rabbitmq");
    expect(inRole("manager").flatMap(({ ports }) => ports)).toEqual([
      "127.0.0.1:8001:8000",
      "127.0.0.1:8002:8000",
    ]);
    expect(inRole("processor").map(({ deploy }) => deploy?.replicas)).toEqual([2]);
  });

  test("confines each of its containers", () => {
    for (const [name, service] of Object.entries(services)) {
      expect([name, service.cap_drop, service.security_opt]).toEqual([
        name,
        ["ALL"],
        ["no-new-privileges:true"],
      ]);
      expect(service.mem_limit).toMatch(/^\d+[mg]$/);
      if (name !== "rabbitmq") expect([name, service.read_only]).toEqual([name, true]);
    }
  });

  test("sets options that exist, to values that they take", () => {
    const set = Object.values(services).flatMap(({ environment }) => Object.entries(environment ?? {}));
    for (const [variable, value] of set.filter(([name]) => name.startsWith("WARREN_"))) {
      expect(variables).toContain(variable);
      if (variable === variableOf("role")) expect(roles).toContain(value as (typeof roles)[number]);
      if (variable === variableOf("broker")) optionTable.broker.kind.parse(value);
    }
  });
});

test("the executable runs as nobody, on a read-only file system with nothing but the C library", async () => {
  const root = mkdtempSync(join(tmpdir(), "warren-root-"));
  removeAtExit(root);
  try {
    await furnish(root);
    const warren = new WarrenProcess(asNobodyIn(root, ["/warren", "--port", "0"]), {});
    await warren.waitUntilReady();
    await using client = await connect(warren.wsUrl());
    client.send("hello");
    expect(await client.next()).toBe("processed message: hello");
    expect(await warren.stop()).toBe(0);
  } finally {
    rmSync(root, { recursive: true, force: true });
    forgetFolder(root);
  }
});

/** Puts the executable and the libraries that it links to into an otherwise empty folder. */
async function furnish(root: string): Promise<void> {
  chmodSync(root, 0o755);
  for (const mountPoint of ["proc", "dev"]) mkdirSync(join(root, mountPoint));
  const path = await executable();
  copyFileSync(path, join(root, "warren"));
  for (const [library] of (await run(["ldd", path])).matchAll(/\/\S+/g)) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
}

/** What a container is: a folder as its root, made read-only, with the machine's /proc and /dev, and no rights. */
const enter = `
mount --bind "$1" "$1" && mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" &&
mount -o remount,bind,ro "$1" && exec chroot "$0" "$@"
`;

function asNobodyIn(root: string, command: readonly string[]): string[] {
  const user = process.getuid?.() === 0 ? "--userspec=65534:65534" : "--userspec=";
  return inMountNamespace(enter, [user, root, ...command]);
}
