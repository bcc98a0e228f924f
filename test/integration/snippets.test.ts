import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { loadWork } from "../../src/processor/load.ts";
import { connect } from "../support/client.ts";
import { startShownProxy } from "../support/proxies.ts";
import { need, pythonWithPika } from "../support/requirements.ts";
import { run } from "../support/run.ts";
import { snippets } from "../support/snippets.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

/**
 * The snippets of README.md and docs/ that other programs understand: TypeScript's checker, Python, the proxies. Commands and JSON
 * are in test/unit/docs.test.ts. They are run here, in snippets-run.test.ts and in snippets-commands-rabbitmq.test.ts.
 */
setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-snippets-"));
beforeAll(() => symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a snippet takes from the text around it. */
const surroundings = `import type { Client as Stomp } from "@stomp/stompjs";
declare global {
  const client: Stomp;
  const newToken: string;
  const model: { words(text: string, options: { signal: AbortSignal }): AsyncIterable<string> };
}
`;

test("JavaScript and TypeScript in the documents have the types that they use", async () => {
  const source = join(folder, "types");
  mkdirSync(source);
  symlinkSync(join(projectFolder, "node_modules"), join(source, "node_modules"));
  copyFileSync(join(projectFolder, "src/processor/handler-types.ts"), join(source, "warren.ts"));
  writeFileSync(join(source, "surroundings.ts"), surroundings);
  // Nothing of ours needs it, so it is not installed.
  writeFileSync(
    join(source, "react.d.ts"),
    'declare module "react" { export const useEffect: any, useState: any, useSyncExternalStore: any; }',
  );
  const shown = snippets("js", "ts");
  expect(shown.length).toBeGreaterThan(7);
  for (const { place, language, code } of shown)
    writeFileSync(join(source, `${place.replaceAll(/[/:.]/g, "-")}.${language}`), `${code}\nexport {};\n`);
  const compilerOptions = {
    ...{
      target: "ESNext",
      module: "Preserve",
      moduleResolution: "bundler",
      noEmit: true,
      allowJs: true,
      checkJs: true,
    },
    ...{
      lib: ["ESNext", "DOM", "DOM.Iterable"],
      types: ["bun"],
      skipLibCheck: true,
      allowImportingTsExtensions: true,
    },
    // Most of it is JavaScript, of which nobody expects types for what may be absent.
    strict: false,
  };
  writeFileSync(join(source, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*"] }));
  await run([join(projectFolder, "node_modules/.bin/tsc"), "-p", source]);
});

test("Python in the documents is Python", async () => {
  const shown = snippets("python");
  expect(shown.length).toBeGreaterThan(4);
  const files = shown.map(({ place, code }) => {
    const file = join(folder, `${place.replaceAll(/[/:.]/g, "-")}.py`);
    writeFileSync(file, code);
    return file;
  });
  await run([need(pythonWithPika), "-m", "py_compile", ...files]);
});

describe("a proxy's configuration in the documents", () => {
  test.each([
    ["nginx", "nginx"],
    ["HAProxy", "haproxy"],
  ] as const)("%s leads clients to a manager under a path", async (kind, language) => {
    const [shown, ...others] = snippets(language);
    expect(others).toEqual([]);
    await using system = startSystem();
    await using proxy = await startShownProxy[kind](shown!.code, system.url);
    const url = new URL("chat/ws/anna?topic=a", proxy.url).href.replace(/^http/, "ws");
    await using anna = await connect(url, { headers: { origin: proxy.url.origin } });
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
  });
});

test("the README's handler answers as the README says", async () => {
  const [shown] = snippets("ts").filter(({ place }) => place.startsWith("README.md"));
  const file = join(folder, "handler.ts");
  writeFileSync(file, shown!.code);
  const { handle, isFor } = await loadWork(file);
  expect([isFor!("chat.one"), isFor!("elsewhere")]).toEqual([true, false]);
  await using system = startSystem([], handle);
  await using anna = await connect(system.wsUrl("/ws/anna?topic=chat.one"));
  await using audit = await connect(system.wsUrl("/ws?topic=audit"));
  anna.send("whoami");
  expect(await anna.next()).toBe("anna");
  anna.send("hello you");
  await until(() => anna.received.length === 3, "the words, one by one");
  expect(anna.received.slice(1)).toEqual(["HELLO", "YOU"]);
  // It is told of what the handler says to itself there, too, since nothing keeps this handler from that topic here.
  await until(() => audit.received.includes("anna on chat.one"), "the audit");
});
