import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { forgetFolder, forgetProcess, killAtExit, removeAtExit } from "./leftovers.ts";
import { chromium as chromiumRequirement, need } from "./requirements.ts";

/**
 * What Playwright leaves out (the last list of a command line is the one that counts), and what Chromium's address bar is made of: two
 * programs of its own that with each window take more of the processor than a page does, just while the page is opened.
 */
const withoutFeatures = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay",
  "MediaRouter",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "OptimizationHints",
  "NetworkTimeServiceQuerying",
  "AimEnabled",
  "PreconnectToSearch",
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  "WebUIOmniboxFullPopup",
  "PreloadTopChromeWebUI",
];

/** Switches that disable network services of the browser, and keep it out of the user's folders. */
const quietArgs = [
  `--disable-features=${withoutFeatures.join(",")}`,
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface TestBrowser extends AsyncDisposable {
  /** The id of its first process, whose group contains all others. */
  readonly pid: number;
  /** Opens an empty page with its own storage. Any error in the page fails the test. */
  newTab(options?: BrowserContextOptions): Promise<Page>;
  /** Opens the client page in a tab of its own, and waits until it is connected. */
  open(url: string, options?: BrowserContextOptions): Promise<Page>;
  /** The same without waiting for the connection. */
  openWaiting(url: string, options?: BrowserContextOptions): Promise<Page>;
  /** Closes every page, with its storage. */
  closePages(): Promise<void>;
}

/**
 * Playwright takes the folder for a profile from TMPDIR alone. Given one of ours, nothing of it stays behind
 * even when the tests are killed.
 */
async function launchIn(home: string): Promise<Browser> {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = home;
  try {
    return await chromium.launch({
      executablePath: need(chromiumRequirement),
      args: quietArgs,
      env: { ...process.env, HOME: home },
    });
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
}

async function pidOf(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.find(({ type }) => type === "browser")!.id;
}

/** Debian's Chromium, with a temporary home and profile. */
export async function startBrowser(): Promise<TestBrowser> {
  const home = await mkdtemp(join(tmpdir(), "warren-browser-"));
  removeAtExit(home);
  const browser = await launchIn(home);
  const pid = await pidOf(browser);
  killAtExit(pid);
  const pageErrors: string[] = [];
  async function newTab(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => pageErrors.push(error.message));
    return page;
  }
  async function openWaiting(url: string, options?: BrowserContextOptions): Promise<Page> {
    const page = await newTab(options);
    await page.goto(url);
    return page;
  }
  return {
    pid,
    newTab,
    openWaiting,
    async open(url, options) {
      const page = await openWaiting(url, options);
      await page.locator('#status[data-is="connected"]').waitFor();
      return page;
    },
    async closePages() {
      await Promise.all(browser.contexts().map((context) => context.close()));
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      forgetProcess(pid);
      await rm(home, { recursive: true, force: true });
      forgetFolder(home);
      if (pageErrors.length > 0) throw new Error(`the page threw: ${pageErrors.join("; ")}`);
    },
  };
}
