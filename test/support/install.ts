import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rabbitmqRoot, versionNamed } from "./rabbitmq-versions.ts";
import {
  chromium,
  curl,
  debootstrap,
  fish,
  haproxy,
  howToInstall,
  man,
  nginx,
  promtool,
  pythonWithKombu,
  pythonWithKubernetes,
  pythonWithPika,
  pythonWithPrometheus,
  pythonWithWebsocket,
  type Requirement,
  rabbitmqServer,
  strace,
  systemdAnalyze,
  zsh,
} from "./requirements.ts";

/**
 * Run by `bun run test` before the tests: installs the programs that they need where it may, and otherwise says what
 * to install and fails. An argument such as `4.3` also makes the RabbitMQ of that version that tests are run against.
 */
const version = versionNamed(process.argv[2] ?? "system");
if (version === undefined) throw new Error(`there is no RabbitMQ ${process.argv[2]} to run tests against`);
const ownDebian = version === "system" ? [] : [debootstrap];
const requirements = [
  rabbitmqServer,
  chromium,
  curl,
  pythonWithPika,
  pythonWithKombu,
  nginx,
  haproxy,
  promtool,
  pythonWithPrometheus,
  pythonWithWebsocket,
  pythonWithKubernetes,
  systemdAnalyze,
  strace,
  man,
  fish,
  zsh,
  ...ownDebian,
];

const missing = absent();
if (missing.length > 0) {
  if (mayInstall()) install(missing);
  const still = absent();
  if (still.length > 0) {
    process.stderr.write(`The tests need ${howToInstall(still)}\n`);
    process.exit(1);
  }
}
if (version !== "system") await rabbitmqRoot(version);

function absent(): Requirement[] {
  return requirements.filter((requirement) => requirement.find() === undefined);
}

function mayInstall(): boolean {
  const isDebian =
    existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
  return isDebian && process.getuid?.() === 0;
}

function install(wanted: readonly Requirement[]): void {
  const packages = wanted.map(({ debianPackage }) => debianPackage);
  process.stdout.write(`Installing ${packages.join(", ")}\n`);
  withoutServices(() => {
    apt("update", "--quiet");
    apt("install", "--quiet", "--yes", "--no-install-recommends", ...packages);
  });
}

function apt(...args: string[]): void {
  const { success } = Bun.spawnSync(["apt-get", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (!success) throw new Error(`apt-get ${args.join(" ")} failed`);
}

/** Debian starts a service when it is installed unless this file says no. The tests start a RabbitMQ of their own. */
function withoutServices(work: () => void): void {
  const guard = "/usr/sbin/policy-rc.d";
  const theirs = existsSync(guard);
  if (!theirs) writeFileSync(guard, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    work();
  } finally {
    if (!theirs) rmSync(guard);
  }
}
