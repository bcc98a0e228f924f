import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { axeFindings } from "../support/axe.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { connect } from "../support/client.ts";
import { contrastFaults } from "../support/contrast.ts";
import { takePicture } from "../support/pictures.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const token = "a-token-that-is-long-enough";
const handler = `export default ({ text }) => { if (text.startsWith("bad")) throw new Error("cannot read " + text); };`;
const folder = mkdtempSync(join(tmpdir(), "warren-admin-page-"));
const started = new AsyncDisposableStack();
let browser: TestBrowser;
/** A manager with the admin page, and a processor that fails. */
let one: WarrenProcess;
let other: WarrenProcess;

beforeAll(async () => {
  writeFileSync(join(folder, "token"), token);
  writeFileSync(join(folder, "handler.ts"), handler);
  const broker = ["--broker", await (await sharedRabbitmq()).vhost()];
  const failing = ["--handler", join(folder, "handler.ts"), "--group", "billing", "--attempts", "1"];
  const admin = ["--admin-port", "0", "--admin-token-file", join(folder, "token")];
  one = started.use(await startWarren([...broker, ...failing, ...admin], { readyWhen: "ready" }));
  other = started.use(await startWarren(["--role", "manager", ...broker], { readyWhen: "ready" }));
  browser = started.use(await startBrowser());
});

afterEach(() => browser.closePages());

afterAll(async () => {
  await started.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

async function unlock(page: Page, given = token): Promise<void> {
  await page.getByLabel("Admin token").fill(given);
  await page.getByLabel("Admin token").press("Enter");
}

const rowOf = (page: Page, table: string, text: string) =>
  page.locator(`#${table}-table tbody tr`).filter({ hasText: text });

test("without the token the admin page shows its own manager alone, and it reports a wrong token", async () => {
  const page = await browser.openWaiting(one.adminUrl);
  await page.locator('#status[data-is="ready"]').waitFor();
  await page.getByText("Enter the admin token to see all managers.").waitFor();
  await page.getByText("Enter the admin token to see clients.").waitFor();
  await page.locator("#broker-facts").getByText("connected").waitFor();
  await unlock(page, "another token");
  await page.getByText("Paste the content of the file").waitFor();
  await unlock(page, "another-token-of-some-length");
  await page.getByText("That is not this manager's token.").waitFor();
  expect(await page.getByText("manager-").count()).toBe(0);
});

test("the admin page shows all managers and clients, finds a client, and disconnects it", async () => {
  await using anna = await connect(other.wsUrl("/ws/anna?topic=garden.roses"));
  await using ben = await connect(one.wsUrl("/ws/ben?topic=orders"));
  anna.send("hello");
  ben.send("good");
  const page = await browser.openWaiting(one.adminUrl);
  await unlock(page);
  await until(async () => (await page.locator("#managers-table tbody tr").count()) === 2, "two managers");
  await rowOf(page, "clients", "anna").waitFor();
  await rowOf(page, "clients", "ben").waitFor();
  await rowOf(page, "topics", "orders").waitFor();
  await page.getByLabel("Find").fill("ROSES");
  await until(async () => (await page.locator("#clients-table tbody tr").count()) === 1, "one is found");
  // The second press does it, so that nobody does it by mistake.
  const button = rowOf(page, "clients", "anna").getByRole("button");
  await button.click();
  await button.getByText("sure?").waitFor();
  await button.click();
  expect((await anna.closed).code).toBe(4410);
  await page.getByText("No clients.").waitFor();
});

test("the admin page lists dead letters, opens one, and replays it", async () => {
  await using anna = await connect(other.wsUrl("/ws/anna?topic=orders"));
  anna.send('bad {"nested": [1]}');
  const page = await browser.openWaiting(one.adminUrl);
  await unlock(page);
  await rowOf(page, "clients", "anna").waitFor();
  const list = page.locator("#letters-list > li");
  await until(async () => {
    await page.getByRole("button", { name: "List" }).click();
    await page.getByText(/^(There are none\.|1 of)/).waitFor();
    return (await list.count()) === 1;
  }, "it died");
  await list.locator("summary").click();
  await list.locator("pre").getByText('bad {"nested": [1]}').waitFor();
  const replay = list.getByRole("button", { name: "Replay" });
  await replay.click();
  await replay.click();
  await page.getByText("1 replayed").waitFor();
  await page.getByLabel("Group").fill("nobody");
  await page.getByRole("button", { name: "List" }).click();
  await page.getByText("No dead letters.").waitFor();
});

test("the admin page fits all screens, its texts can be read in both schemes, and axe-core finds nothing wrong", async () => {
  for (const [width, colorScheme, forcedColors] of [
    [320, "dark", "none"],
    [390, "light", "none"],
    [768, "dark", "active"],
    [1280, "dark", "none"],
    [2560, "light", "none"],
  ] as const) {
    const look = { viewport: { width, height: 900 }, colorScheme, forcedColors };
    const page = await browser.openWaiting(one.adminUrl, look);
    await unlock(page);
    await rowOf(page, "managers", "ready").first().waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    if (forcedColors === "none") expect(await contrastFaults(page)).toEqual([]);
    await takePicture(page, `admin-${width}-${colorScheme}${forcedColors === "none" ? "" : "-forced"}`);
  }
});

test("the admin page takes nothing from elsewhere, and is on the admin port alone", async () => {
  const { headers } = await fetch(one.adminUrl);
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  expect((await fetch(one.adminUrl, { method: "POST" })).status).toBe(405);
  expect((await fetch(new URL("/nothing", one.adminUrl))).status).toBe(404);
  expect(await (await fetch(one.url)).text()).not.toContain("Admin token");
});
