import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-handler-events-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function handlerOf(text: string): string {
  const file = join(folder, `${crypto.randomUUID()}.ts`);
  writeFileSync(file, text);
  return file;
}

test("a handler's connected and disconnected hear of clients, and what connected returns goes to the client", async () => {
  const handler = handlerOf(`
    import { appendFileSync } from "node:fs";
    export default () => undefined;
    export async function connected({ id, client, connection, protocol }, { log, attempt }) {
      if (client !== "watcher" && attempt === 1) throw new Error("the first time fails");
      return client === "watcher" ? "ready" : \`welcome \${client} \${protocol} \${id === connection + "/connected"}\`;
    }
    export const disconnected = async function* ({ client, reason }) {
      appendFileSync(${JSON.stringify(join(folder, "ends"))}, client + "\\n");
      yield { to: { topic: "ends" }, body: \`\${client} \${reason}\` };
    };
  `);
  await using warren = await startWarren(["--handler", handler]);
  const ws = (path: string) => `${warren.url.replace("http", "ws")}ws${path}`;
  await using watcher = await connect(ws("/watcher?topic=ends"));
  expect(await watcher.next()).toBe("ready");
  const anna = await connect(ws("/anna?topic=t"));
  expect(await anna.next()).toBe("welcome anna text true");
  await anna.close();
  expect(await watcher.next()).toBe("anna 1000");
  expect(anna.received).toEqual(["welcome anna text true"]);
  // Those that are connected until it stops have an end, too.
  warren.signal("SIGTERM");
  expect(await warren.exited).toBe(0);
  expect(readFileSync(join(folder, "ends"), "utf8")).toBe("anna\nwatcher\n");
});
