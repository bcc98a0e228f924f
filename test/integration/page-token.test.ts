import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { rows, say, untilStatus } from "../support/page-actions.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";
import { claims, hs256 } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const secret = "a secret of more than thirty-two bytes";
const folder = mkdtempSync(join(tmpdir(), "warren-page-token-"));
const started = new AsyncDisposableStack();
let browser: TestBrowser;
let warren: WarrenProcess;

beforeAll(async () => {
  const secretFile = join(folder, "secret");
  writeFileSync(secretFile, secret);
  warren = started.use(await startWarren(["--auth", "jwt", "--jwt-secret-file", secretFile]));
  browser = started.use(await startBrowser());
});

afterEach(() => browser.closePages());

afterAll(async () => {
  await started.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

const mayPublish = { publish: ["colour.*"], subscribe: ["#"] };
const token = hs256(claims({ sub: "anna", warren: mayPublish }), secret);

test("the token in the page's address says who it is, and is kept in no storage", async () => {
  const page = await browser.open(`${warren.url}?topic=colour.red#token=${token}`);
  expect(await page.locator("#client-id").textContent()).toBe("anna");
  await say(page, "hello");
  await rows(page, "processed.answers-own", "processed message: hello").waitFor();
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(stored).toBe("[{},{}]");
});

test("a token shows what it allows, and leads there", async () => {
  const page = await browser.open(`${warren.url}?topic=colour.red#token=${token}`);
  await page.getByText("Your token lets you hear").waitFor();
  await page.getByRole("button", { name: "colour.*" }).click();
  await rows(page, "event", "Listening to all topics like colour.*").waitFor();
});

test("a message that the token does not allow is refused, and the page goes on", async () => {
  const page = await browser.open(`${warren.url}?topic=secret#token=${token}`);
  await say(page, "into the wrong place");
  await rows(page, "own", "into the wrong place").getByText("refused").waitFor();
  await rows(page, "event").filter({ hasText: "The manager refused" }).waitFor();
  await untilStatus(page, "connected");
});

test("the token is neither in the page's address nor in the link that it offers", async () => {
  for (const address of [`?topic=colour.red#token=${token}`, `?token=${token}&topic=colour.red`]) {
    const page = await browser.open(`${warren.url}${address}`);
    expect(page.url()).toBe(`${warren.url}?topic=colour.red`);
    expect(await page.locator("#second-page").getAttribute("href")).not.toContain("token");
    await page.getByLabel("Topic").fill("colour.blue");
    await page.getByRole("button", { name: "Join" }).click();
    expect(page.url()).toBe(`${warren.url}?topic=colour.blue`);
  }
});

test("without a token the page says why it is not let in, and takes one", async () => {
  const page = await browser.openWaiting(`${warren.url}?topic=colour.red`);
  const banner = page.locator("#banner");
  await banner.filter({ hasText: "The manager refused: a token is needed: in the handshake" }).waitFor();
  await page.getByLabel("Token").fill(`Bearer ${token}`);
  await page.getByRole("button", { name: "Connect" }).click();
  await untilStatus(page, "connected");
  expect(await page.locator("#client-id").textContent()).toBe("anna");
  expect(await page.getByLabel("Token").isVisible()).toBe(false);
  await say(page, "hello");
  await rows(page, "processed.answers-own", "processed message: hello").waitFor();
});
