import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(60_000);

const examples = join(import.meta.dir, "../../examples");
const told = "Once upon a time a rabbit dug a burrow, and every room of it had two ways out. ";

const folder = mkdtempSync(join(tmpdir(), "warren-examples-"));
/** The example's handler, which says when it is told to stop. To one page alone it tells the story so slowly that it never comes to its end. */
const handler = join(folder, "handler.ts");
writeFileSync(
  handler,
  `import story, { topics } from ${JSON.stringify(join(examples, "streaming.ts"))};
export { topics };
export default (message, context) => {
  context.signal.addEventListener("abort", () => context.log.info("the story is cancelled"));
  return story(message.isRequest ? { ...message, text: "60000" } : message, context);
};
`,
);

const started = new AsyncDisposableStack();
let warren: WarrenProcess;
let browser: TestBrowser;
let pages: Bun.Server<undefined>;

beforeAll(async () => {
  // As `python3 -m http.server` serves the folder, but that the pages name the manager of this test.
  pages = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch({ url }) {
      const file = Bun.file(join(examples, new URL(url).pathname));
      if (!(await file.exists())) return new Response("not found", { status: 404 });
      const text = (await file.text()).replaceAll("127.0.0.1:8000", new URL(warren.url).host);
      return new Response(text, { headers: { "content-type": file.type } });
    },
  });
  started.defer(() => pages.stop(true));
  started.defer(() => rmSync(folder, { recursive: true }));
  const allowed = ["--allow-origin", pages.url.origin];
  warren = started.use(await startWarren([...allowed, "--handler", handler, "--log-messages", "off"]));
  browser = started.use(await startBrowser());
});

afterEach(() => browser.closePages());

afterAll(() => started.disposeAsync());

/** Opens an example, and waits until it has set up its element. */
async function open(path: string, element: string, event: "onclick" | "onsubmit"): Promise<Page> {
  const page = await browser.openWaiting(new URL(path, pages.url).href);
  await isSetUp(page, element, event);
  return page;
}

async function isSetUp(page: Page, element: string, event: "onclick" | "onsubmit"): Promise<void> {
  await page.waitForFunction(
    ([name, on]) => (document.querySelector(name!) as HTMLElement | null)?.[on as "onclick"] != null,
    [element, event],
  );
}

async function showsText(page: Page, element: string, text: string): Promise<void> {
  await page.waitForFunction(
    ([name, wanted]) => document.querySelector(name!)?.textContent === wanted,
    [element, text],
  );
}

test("the chat's page shows each message with its sender, as text only, and earlier messages to new clients", async () => {
  const [anna, ben] = await Promise.all(
    ["anna", "ben"].map((name) => open(`chat.html?name=${name}`, "#form", "onsubmit")),
  );
  const say = async (page: Page, text: string) => {
    await page.locator("#text").fill(text);
    await page.locator("#text").press("Enter");
  };
  const nasty = '<img src="x" onerror="document.title=1"> & <b>bold</b>';
  await say(anna!, nasty);
  await ben!.getByText(`anna: ${nasty}`).waitFor();
  await say(ben!, "hello");
  const carl = await open("chat.html?name=carl", "#form", "onsubmit");
  for (const page of [anna!, ben!, carl]) {
    await page.getByText("ben: hello").waitFor();
    expect(await page.locator("#lines li").allTextContents()).toEqual([`anna: ${nasty}`, "ben: hello"]);
    expect(await page.title()).toBe("Chat");
  }
});

test("the dashboard's page opens with the newest value of each topic, and shows the next ones in their places", async () => {
  await using prices = await connectStomp(warren.wsUrl("/ws"));
  for (const [topic, value] of [
    ["eur", "1"],
    ["usd", "2"],
    ["eur", "3"],
  ])
    await prices.sendSafely(`/topic/price.${topic}`, value!);
  const page = await browser.openWaiting(new URL("dashboard.html", pages.url).href);
  const cell = (topic: string) =>
    page
      .locator("tr", { hasText: `price.${topic}` })
      .locator("td")
      .last();
  await cell("eur").getByText("3").waitFor();
  await cell("usd").getByText("2").waitFor();
  await prices.sendSafely("/topic/price.usd", "4");
  await cell("usd").getByText("4").waitFor();
  expect(await page.locator("tr").count()).toBe(2);
});

test("the story's page goes on where it was after a reload in the middle, and a second tab shows the same", async () => {
  const page = await open("story.html", "#begin", "onclick");
  const tab = await open("story.html", "#begin", "onclick");
  await page.locator("#begin").click();
  await page.getByText("Once upon a").waitFor();
  await page.reload();
  await isSetUp(page, "#begin", "onclick");
  const shown = await page.locator("#words").textContent();
  expect(shown).toStartWith("Once upon a");
  await showsText(page, "#words", told);
  await showsText(tab, "#words", told);
});

test("the story that one page asks for is told to it alone, and ends when it cancels", async () => {
  const page = await open("story.html", "#ask", "onclick");
  const tab = await open("story.html", "#ask", "onclick");
  await page.locator("#ask").click();
  await showsText(page, "#alone", "Once ");
  await isSetUp(page, "#cancel", "onclick");
  await page.locator("#cancel").click();
  await warren.waitForLog(({ msg }) => msg === "the story is cancelled", "the handler is told to stop");
  expect(await page.locator("#alone").textContent()).toBe("Once ");
  expect(await tab.locator("#alone").textContent()).toBe("");
  expect(await tab.locator("#words").textContent()).toBe("");
});
