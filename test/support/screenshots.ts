/**
 * Makes the README's pictures of the page: `bun test/support/screenshots.ts [URL]`, against a manager with
 * the built-in handler that runs there (by default on http://127.0.0.1:8000/).
 */
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { startBrowser } from "./browser.ts";

const [managerUrl = "http://127.0.0.1:8000/"] = process.argv.slice(2);
const folder = join(import.meta.dir, "../../docs/images");

type Talk = readonly (readonly ["here" | "there", string])[];

const wideTalk: Talk = [
  ["here", "Is anybody down here?"],
  ["there", "Two tunnels over. I hear you."],
  ["there", "Which manager are you on?"],
  ["here", "Another one. RabbitMQ carries it across."],
  ["here", "<b>Text</b> stays text, by the way."],
];

async function say(page: Page, listener: Page, text: string): Promise<void> {
  const shown = listener.locator("#messages .row.processed").filter({ hasText: text });
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await shown.waitFor();
}

await using browser = await startBrowser();

async function takePicture(file: string, talk: Talk, options: BrowserContextOptions): Promise<void> {
  const url = new URL("?topic=garden", managerUrl).href;
  const [here, there] = [await browser.open(url, options), await browser.open(url)];
  for (const [who, text] of talk) {
    await (who === "here" ? say(here, here, text) : say(there, here, text));
  }
  await here.screenshot({ path: join(folder, file), animations: "disabled" });
  await browser.closePages();
  process.stdout.write(`${join(folder, file)}\n`);
}

await takePicture("page.png", wideTalk, { viewport: { width: 1280, height: 720 }, colorScheme: "light" });
await takePicture("page-phone.png", wideTalk.slice(0, 3), {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  colorScheme: "dark",
});
