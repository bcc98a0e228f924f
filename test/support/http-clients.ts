import { expect } from "bun:test";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { curl, need } from "./requirements.ts";

/** What a client sends, and to which address. */
const topic = "without.websocket";

/** Has programs that are none of ours speak with a manager, or a proxy in front of it: EventSource in a browser, curl, and Python's urllib. */
export async function clientsWithoutWebSocket(page: Page, manager: URL): Promise<void> {
  const address = new URL(`topics/${topic}`, manager).href;
  // Like a script of a page, in a browser that shows one of the manager's pages.
  await page.evaluate(async (url) => {
    const source = new EventSource(url);
    const heard: string[] = [];
    Object.assign(window, { source, heard });
    source.onmessage = ({ data, lastEventId }) =>
      void heard.push(`${lastEventId === "" ? "no id" : "id"} ${data}`);
    source.addEventListener("bytes", ({ data }) => void heard.push(`bytes ${data}`));
    await new Promise((resolve, reject) => Object.assign(source, { onopen: resolve, onerror: reject }));
    await fetch(url, { method: "POST", body: "from fetch\nin two lines" });
    await fetch(url, { method: "POST", body: new Uint8Array([0, 255]) });
  }, address);
  const said = await run([need(curl), "-sS", "-d", "from curl", "-H", "Content-Type: text/plain", address]);
  expect(JSON.parse(said)).toEqual({ confirmed: true });
  const python = await run(["python3", join(import.meta.dir, "urllib_client.py"), address]);
  expect(python.trim().split("\n")).toEqual(["200 from Python", "answered by poll: from Python"]);
  const wanted = ["id from fetch\nin two lines", "bytes AP8=", "id from curl", "id from Python"];
  const heard = await page.waitForFunction((expected) => {
    const { heard } = window as unknown as { heard: string[] };
    const own = heard.filter((each) => !each.includes("processed message"));
    return own.filter((each) => each !== "bytes cHJvY2Vzc2Vk").length >= expected ? heard : undefined;
  }, wanted.length);
  const all = (await heard.jsonValue()) as string[];
  expect(all.filter((each) => !each.includes("processed message"))).toEqual(wanted);
  await page.evaluate(() => (window as unknown as { source: EventSource }).source.close());
}

async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command[0]}: ${errors}`);
  return output;
}
