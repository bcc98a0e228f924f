import { existsSync } from "node:fs";

/** A program that the tests need beside Bun, and how to get it. */
export interface Requirement {
  readonly name: string;
  /** Debian's package that has it. */
  readonly debianPackage: string;
  /** Its path, or undefined where it is missing. */
  find(): string | undefined;
}

/** Debian's own path comes first: its command of that name on PATH is a wrapper that only root may run. */
export const rabbitmqServer: Requirement = {
  name: "the RabbitMQ server",
  debianPackage: "rabbitmq-server",
  find: () => firstThat(existsSync, ["/usr/lib/rabbitmq/bin/rabbitmq-server", Bun.which("rabbitmq-server")]),
};

export const chromium: Requirement = {
  name: "Chromium",
  debianPackage: "chromium",
  find: () => firstThat(existsSync, ["/usr/bin/chromium", Bun.which("chromium"), Bun.which("google-chrome")]),
};

/** Another Python may come before Debian's on PATH and know nothing of Debian's packages. */
export const pythonWithPika: Requirement = {
  name: "Python 3 with pika",
  debianPackage: "python3-pika",
  find: () => firstThat((python) => hasModule(python, "pika"), ["/usr/bin/python3", Bun.which("python3")]),
};

/** Celery's library for AMQP. */
export const pythonWithKombu: Requirement = {
  name: "Python 3 with kombu",
  debianPackage: "python3-kombu",
  find: () => firstThat((python) => hasModule(python, "kombu"), ["/usr/bin/python3", Bun.which("python3")]),
};

/** What docs/protocol.md speaks STOMP with. */
export const pythonWithWebsocket: Requirement = {
  name: "Python 3 with websocket",
  debianPackage: "python3-websocket",
  find: () =>
    firstThat((python) => hasModule(python, "websocket"), ["/usr/bin/python3", Bun.which("python3")]),
};

/** Its parsers for what `/metrics` shows are those that Prometheus' makers wrote. */
export const pythonWithPrometheus: Requirement = {
  name: "Python 3 with prometheus_client",
  debianPackage: "python3-prometheus-client",
  find: () =>
    firstThat((python) => hasModule(python, "prometheus_client"), ["/usr/bin/python3", Bun.which("python3")]),
};

export const promtool: Requirement = {
  name: "promtool",
  debianPackage: "prometheus",
  find: () => firstThat(existsSync, ["/usr/bin/promtool", Bun.which("promtool")]),
};

/** It has classes that are made of the Kubernetes API's own description. */
export const pythonWithKubernetes: Requirement = {
  name: "Python 3 with kubernetes",
  debianPackage: "python3-kubernetes",
  find: () =>
    firstThat((python) => hasModule(python, "kubernetes"), ["/usr/bin/python3", Bun.which("python3")]),
};

const program = (name: string, debianPackage: string, path: string): Requirement => ({
  name,
  debianPackage,
  find: () => firstThat(existsSync, [path, Bun.which(path.slice(path.lastIndexOf("/") + 1))]),
});
export const systemdAnalyze = program("systemd-analyze", "systemd", "/usr/bin/systemd-analyze");
export const curl = program("curl", "curl", "/usr/bin/curl");
export const strace = program("strace", "strace", "/usr/bin/strace");
export const man = program("man", "man-db", "/usr/bin/man");
export const fish = program("fish", "fish", "/usr/bin/fish");
export const zsh = program("zsh", "zsh", "/usr/bin/zsh");

export const nginx: Requirement = {
  name: "nginx",
  debianPackage: "nginx-light",
  find: () => firstThat(existsSync, ["/usr/sbin/nginx", Bun.which("nginx")]),
};

export const haproxy: Requirement = {
  name: "HAProxy",
  debianPackage: "haproxy",
  find: () => firstThat(existsSync, ["/usr/sbin/haproxy", Bun.which("haproxy")]),
};

export const debootstrap: Requirement = {
  name: "debootstrap",
  debianPackage: "debootstrap",
  find: () => firstThat(existsSync, ["/usr/sbin/debootstrap", Bun.which("debootstrap")]),
};

/** The program's path. Tests that need one fail without it; none of them skips itself. */
export function need(requirement: Requirement): string {
  const path = requirement.find();
  if (path === undefined) throw new Error(`This test needs ${howToInstall([requirement])}`);
  return path;
}

export function howToInstall(missing: readonly Requirement[]): string {
  const names = missing.map(({ name }) => name).join(" and ");
  const packages = missing.map(({ debianPackage }) => debianPackage).join(" ");
  return `${names}. On Debian: sudo apt-get install ${packages}`;
}

function firstThat(
  works: (path: string) => boolean,
  candidates: readonly (string | null)[],
): string | undefined {
  return candidates.find((path): path is string => path !== null && works(path));
}

function hasModule(python: string, name: string): boolean {
  return existsSync(python) && Bun.spawnSync([python, "-c", `import ${name}`]).success;
}
