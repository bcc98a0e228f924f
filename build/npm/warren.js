#!/usr/bin/env node

// Starts Warren's executable for this platform, which npm has installed as an optional dependency.

const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { join } = require("node:path");

/** Two signals closer than this are one: npx and shells pass on what the terminal has sent to all. In milliseconds. */
const oneSignalMs = 500;

const child = spawn(executable(), process.argv.slice(2), {
  stdio: "inherit",
  // Out of the reach of the terminal's Ctrl-C, which comes by way of this process, once.
  detached: process.platform !== "win32",
  // Should this process be killed, Warren ends as well.
  env: { ...process.env, BUN_OPTIONS: `${process.env["BUN_OPTIONS"] ?? ""} --no-orphans`.trim() },
});

const lastMs = new Map();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"]) {
  if (process.platform === "win32" && signal === "SIGUSR2") continue;
  process.on(signal, () => {
    const nowMs = performance.now();
    const isNew = nowMs - (lastMs.get(signal) ?? Number.NEGATIVE_INFINITY) > oneSignalMs;
    lastMs.set(signal, nowMs);
    if (isNew) child.kill(signal);
  });
}
child.on("error", (error) => fail(error.message));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});

function executable() {
  const { platform, arch } = process;
  const os = platform === "win32" ? "windows" : platform;
  const libc = platform === "linux" && isMusl() ? "-musl" : "";
  const name = `warren-${os}-${arch}${libc}`;
  const file = join("bin", platform === "win32" ? "warren.exe" : "warren");
  // Beside this package, as npm puts it, or below it.
  for (const folder of module.paths) {
    const path = join(folder, name, file);
    if (existsSync(path)) return path;
  }
  return fail(
    `the package ${name} is not there: it is for this platform, and npm installs it by itself unless optional dependencies are left out (--omit=optional, --no-optional)`,
  );
}

function isMusl() {
  const { header } = process.report.getReport();
  return header.glibcVersionRuntime === undefined;
}

function fail(why) {
  process.stderr.write(`warren: ${why}\n`);
  return process.exit(1);
}
