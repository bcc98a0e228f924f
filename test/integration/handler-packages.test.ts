import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { forgetFolder, removeAtExit } from "../support/leftovers.ts";
import { run } from "../support/run.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** ESM, CommonJS, packages with many dependencies, conditions in `exports`, native parts, and threads of their own. */
const packages = ["uuid@11", "pg@8", "ioredis@5", "express@5", "bcrypt@6", "pino@10"];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "warren-packages-"));
  removeAtExit(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  // Without a registry this fails, and says so: a handler's packages are a promise that has to be seen to hold.
  await run([process.execPath, "add", ...packages], { cwd: folder });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  forgetFolder(folder);
});

test.each([
  ["uuid", `import { validate, v4 } from "uuid"; export default () => String(validate(v4()));`, "true"],
  [
    "pg",
    `import pg from "pg"; export default () => new pg.Client({ host: "db.example" }).host;`,
    "db.example",
  ],
  [
    "ioredis",
    `import Redis from "ioredis"; const redis = new Redis({ lazyConnect: true }); export default () => redis.status;`,
    "wait",
  ],
  [
    "express",
    `import express from "express"; const app = express(); app.get("/", () => {}); export default () => typeof app.listen;`,
    "function",
  ],
  [
    "express, by require",
    `const express = require("express"); module.exports = () => typeof express.Router;`,
    "function",
  ],
  [
    "bcrypt, which has a native part, when it is needed",
    `export default async () => { const { compare, hash } = await import("bcr" + "ypt"); return String(await compare("a", await hash("a", 4))); };`,
    "true",
  ],
  [
    "pino, which writes by a thread",
    `import pino from "pino";
    const transport = pino.transport({ target: "pino/file", options: { destination: import.meta.dirname + "/log" } });
    const logger = pino(transport);
    export default () => new Promise((done) => { logger.info("x"); transport.on("close", () => done("written")); transport.end(); });`,
    "written",
  ],
  [
    "a module that runs a script of its own by fork",
    `import { fork } from "node:child_process";
    export default () => new Promise((done) => {
      const child = fork(import.meta.dirname + "/lib/script", ["--one"]);
      child.on("message", (said) => child.on("exit", (code) => done(said + " " + code)));
      child.send("hello");
    });`,
    "hello --one 0",
  ],
  [
    "a path alias of its tsconfig.json",
    `import { word } from "@lib/word"; export default () => word;`,
    "aliased",
  ],
])("a handler in the executable imports %s", async (name, source, answer) => {
  const file = join(folder, `handler.${name.includes("require") ? "cjs" : "ts"}`);
  mkdirSync(join(folder, "lib"), { recursive: true });
  writeFileSync(
    join(folder, "lib", "script.js"),
    `process.once("message", (said) => process.send(said + " " + process.argv[2], () => process.disconnect()));`,
  );
  writeFileSync(join(folder, "lib", "word.ts"), `export const word = "aliased";`);
  writeFileSync(
    join(folder, "tsconfig.json"),
    '{ "compilerOptions": { "paths": { "@lib/*": ["./lib/*"] } } }',
  );
  writeFileSync(file, source);
  await using warren = await startWarren(["--handler", file], { cwd: "/" });
  await using client = await connect(warren.wsUrl());
  client.send("?");
  expect(await client.next((message) => message !== "?")).toBe(answer);
});
