import type { Page } from "playwright-core";
import type { TestBrowser } from "../support/browser.ts";
import { within } from "../support/wait.ts";
import { median } from "./samples.ts";
import type { Setting } from "./setting.ts";
import { groupCpuSeconds, untilCalm } from "./systems/usage.ts";

/** How often each page is opened, each time in a tab and a storage of its own. */
const openings = 9;

/** The times of events while a page opens, in milliseconds after the navigation began. */
interface Opened {
  /** The first byte of the page came. */
  readonly answered: number;
  /** All of it has come and was parsed. */
  readonly read: number;
  /** The first paint. */
  readonly painted: number;
}

/** Median first paints of the client page, and of a minimal page, in milliseconds. */
export interface FirstPaints {
  readonly page: number;
  readonly heading: number;
}

/** A page with one heading, from a minimal server. */
export function serveHeading() {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response("<!doctype html><title>One heading</title><h1>Say something.</h1>", {
        headers: { "content-type": "text/html; charset=utf-8" },
      }),
  });
}

/**
 * Opens the client page and a page with one heading, in turn. The second shows the time of the browser and the machine, which no page can
 * beat.
 */
export async function firstPaints(
  setting: Setting,
  browser: TestBrowser,
  pages: { readonly page: string; readonly heading: string },
): Promise<FirstPaints> {
  const seen = { page: [] as Opened[], heading: [] as Opened[] };
  for (let count = 0; count < openings; count++) {
    for (const name of ["page", "heading"] as const) {
      const tab = await browser.newTab();
      await untilAtRest(browser);
      seen[name].push(await opened(tab, pages[name]));
      await browser.closePages();
    }
  }
  const of = (name: keyof typeof seen, moment: keyof Opened) =>
    median(seen[name].map((each) => each[moment]))!;
  for (const name of ["page", "heading"] as const) {
    const all = seen[name].map(({ painted }) => painted.toFixed(0)).join(" ");
    const way = `answered ${of(name, "answered").toFixed(0)}, read ${of(name, "read").toFixed(0)}`;
    setting.say(`page  ${name}: ${way}, painted ${of(name, "painted").toFixed(0)} ms (${all})`);
  }
  return { page: of("page", "painted"), heading: of("heading", "painted") };
}

/** The pause after a new window, whose start takes half a second of a core. */
export function untilAtRest(browser: TestBrowser): Promise<void> {
  return untilCalm(() => groupCpuSeconds(browser.pid), { share: 0.15, ms: 300, msMax: 10_000 });
}

export async function opened(page: Page, url: string): Promise<Opened> {
  const session = await page.context().newCDPSession(page);
  const { promise: painted, resolve } = Promise.withResolvers<void>();
  session.on("Page.lifecycleEvent", ({ name }) => name === "firstContentfulPaint" && resolve());
  await session.send("Page.enable");
  await session.send("Page.setLifecycleEventsEnabled", { enabled: true });
  await page.goto(url);
  // Asking in the page would need a script of Playwright's, which the browser would run before it paints.
  await within(painted, `something to be seen of ${url}`);
  return page.evaluate(() => {
    const [way] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    const [painted] = performance.getEntriesByName("first-contentful-paint");
    return { answered: way!.responseStart, read: way!.domInteractive, painted: painted!.startTime };
  });
}
