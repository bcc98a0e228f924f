import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { BrowserContextOptions, Page } from "playwright-core";
import { axeFindings } from "../support/axe.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { connect } from "../support/client.ts";
import { contrastFaults } from "../support/contrast.ts";
import { rows, say, untilStatus } from "../support/page-actions.ts";
import { takePicture } from "../support/pictures.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren } from "../support/warren.ts";

/**
 * The client page at five sizes, in each state that it has. With WARREN_TEST_SCREENSHOTS=FOLDER in the environment they
 * become pictures.
 */
setDefaultTimeout(integrationTimeoutMs);

const sizes = [
  [320, 640],
  [390, 844],
  [768, 1024],
  [1280, 800],
  [2560, 1440],
] as const;

const looks: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: "light" },
  // With a finger, for which some things are larger.
  dark: { colorScheme: "dark", hasTouch: true },
  "forced colours": { colorScheme: "dark", forcedColors: "active" },
};

/** The state in which most is shown. */
const inUse = "2-used";

let browser: TestBrowser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());

test.each(Object.keys(looks))(
  "in %s the page fits five sizes of screen, can be read, and axe-core finds nothing wrong: empty, in use, in a flood and cut off",
  async (look) => {
    await using warren = await startWarren();
    const page = await browser.open(`${warren.url}?topic=orders.new`, looks[look]);
    const faults: string[] = [];
    // The reader has chosen them, whatever their contrast.
    const hasReadersColours = look === "forced colours";
    const isOurs = (finding: string) => !(hasReadersColours && finding.startsWith("color-contrast:"));
    const lookAt = async (state: string) => {
      for (const [width, height] of sizes) {
        await page.setViewportSize({ width, height });
        // The page follows what of it can be seen.
        await page.waitForFunction((seen) => document.body.clientHeight === seen, height);
        const name = `${state}-${width}-${look.replace(" ", "-")}`;
        const found = await cutOff(page);
        // What it finds in all sizes is found in one of them.
        if (state === inUse || width === sizes[0][0]) found.push(...(await axeFindings(page)).filter(isOurs));
        faults.push(...found.map((fault) => `${name}: ${fault}`));
        await takePicture(page, name);
      }
      if (!hasReadersColours) faults.push(...(await contrastFaults(page)));
    };

    await lookAt("1-empty");

    await using client = await connect(warren.wsUrl("/ws/till-7?topic=orders.new"));
    await say(page, "two coffees, and something longer that goes over more than one line on a phone");
    await rows(page, "processed.answers-own").waitFor();
    // So long that it scrolls when it is open.
    client.send(JSON.stringify({ order: 17, items: Array.from({ length: 100 }, (_, number) => number) }));
    client.send(new Uint8Array([0xca, 0xfe, 0, 1]));
    await rows(page, "binary").waitFor();
    await rows(page, "own").locator(".text").click();
    await rows(page, "other").locator(".text").click();
    await lookAt(inUse);

    await page.getByRole("button", { name: "Code" }).click();
    await page.getByText("Headers", { exact: true }).click();
    await lookAt("3-code");
    await page.getByRole("button", { name: "Code" }).click();
    await page.getByText("Headers", { exact: true }).click();

    for (let i = 0; i < 120; i++) client.send(`flood ${i}`);
    await rows(page, "gap").first().getByRole("button").click();
    await rows(page, "gap").first().locator(".row").first().waitFor();
    await lookAt("4-flood");

    await page.getByLabel("Topic").fill("orders.#");
    await page.keyboard.press("Enter");
    await page.getByLabel("To", { exact: true }).waitFor();

    await warren.stop();
    await untilStatus(page, "waiting");
    await page.getByLabel("To", { exact: true }).fill("orders.new");
    await say(page, "waiting");
    await rows(page, "own", "waiting").waitFor();
    await lookAt("5-cut-off");
    expect(faults).toEqual([]);
    await browser.closePages();
  },
);

/** What has more in it than it is wide, and what is written where nobody sees it. */
function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults = [...document.querySelectorAll("html, body, body *")]
      .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
      .filter((element) => getComputedStyle(element).display !== "inline" && element.className !== "unseen")
      // A stop of a message's way has a line to the next one.
      .filter((element) => !element.classList.contains("stop"))
      .map((element) => `${element.localName}#${element.id}.${element.className} is wider than it may be`);
    for (const gap of document.querySelectorAll(".gap:has(> .messages)")) {
      const opener = gap.querySelector(":scope > button")!.getBoundingClientRect();
      const opened = gap.querySelector(":scope > .messages")!.getBoundingClientRect();
      if (opened.top < opener.bottom - 1) faults.push("what was folded is not under what opens it");
    }
    const { bottom } = document.querySelector("#composer")!.getBoundingClientRect();
    if (bottom > innerHeight + 1)
      faults.push(`the composer ends ${bottom - innerHeight} px under the screen`);
    return faults;
  });
}
