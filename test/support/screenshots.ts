/**
 * Makes the pictures of the pages in docs/images: `bun test/support/screenshots.ts [FOLDER]`. It starts the executable with a broker
 * of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { startBrowser } from "./browser.ts";
import { connect } from "./client.ts";
import { rows } from "./page-actions.ts";
import { until } from "./wait.ts";
import { startWarren } from "./warren.ts";

const [folder = join(import.meta.dir, "../../docs/images")] = process.argv.slice(2);

type Talk = readonly (readonly ["here" | "there", string])[];

const wideTalk: Talk = [
  ["here", "Is anybody down here?"],
  ["there", "Two tunnels over. I hear you."],
  ["here", "Which manager are you on?"],
  ["there", "Another one. RabbitMQ carries it across."],
];

const adminToken = "a-token-for-the-pictures-alone";
const home = mkdtempSync(join(tmpdir(), "warren-screenshots-"));
writeFileSync(join(home, "token"), adminToken);
await using warren = await startWarren([
  ...["--admin-port", "0", "--admin-token-file", join(home, "token"), "--log-messages", "off"],
]);
await using browser = await startBrowser();

async function say(page: Page, listener: Page, text: string): Promise<void> {
  const shown = listener.locator("#messages .row.processed").filter({ hasText: text });
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await shown.waitFor();
}

async function picture(page: Page, file: string): Promise<void> {
  const path = join(folder, file);
  await page.screenshot({ path, animations: "disabled" });
  process.stdout.write(`${path}\n`);
}

async function takeTalk(file: string, talk: Talk, options: BrowserContextOptions): Promise<void> {
  const topic = `garden.${file.replace(/\..*/, "")}`;
  const url = `${warren.url}?topic=${topic}`;
  const [here, there] = [await browser.open(url, options), await browser.open(url)];
  for (const [who, text] of talk) await (who === "here" ? say(here, here, text) : say(there, here, text));
  await rows(here, "own").last().locator(".text").click();
  await here.locator("#messages .details").waitFor();
  await picture(here, file);
  await browser.closePages();
}

async function takeAdmin(file: string, options: BrowserContextOptions): Promise<void> {
  const clients = await Promise.all(
    ["anna", "ben", "kiosk-7", "pump-12"].map((name, index) =>
      connect(warren.wsUrl(`/ws/${name}?topic=${index < 2 ? "garden.roses" : "sensors.water"}`)),
    ),
  );
  const page = await browser.openWaiting(warren.adminUrl, options);
  await page.getByLabel("Admin token").fill(adminToken);
  await page.getByLabel("Admin token").press("Enter");
  // Charts need some moments of a life.
  for (let turn = 0; turn < 40; turn++) {
    for (const client of clients) client.send(`{"turn": ${turn}}`);
    await Bun.sleep(250);
  }
  await until(async () => (await page.locator("#clients-table tbody tr").count()) >= 4, "four clients");
  await picture(page, file);
  for (const client of clients) await client[Symbol.asyncDispose]();
  await browser.closePages();
}

try {
  await takeTalk("page.png", wideTalk, { viewport: { width: 1280, height: 720 }, colorScheme: "light" });
  await takeTalk("page-phone.png", wideTalk.slice(0, 2), {
    viewport: { width: 390, height: 780 },
    deviceScaleFactor: 1.5,
    isMobile: true,
    hasTouch: true,
    colorScheme: "dark",
  });
  await takeAdmin("admin.png", { viewport: { width: 1280, height: 960 }, colorScheme: "light" });
} finally {
  rmSync(home, { recursive: true, force: true });
}
