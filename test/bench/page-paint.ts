import type { Page } from "playwright-core";
import type { TestBrowser } from "../support/browser.ts";
import { median } from "./samples.ts";
import type { Setting } from "./setting.ts";

/** How often each page is opened, each time in a tab and a storage of its own. */
const openings = 9;

/** When what happens to a page that is opened, in milliseconds after the browser set out for it. */
interface Opened {
  /** The first byte of the page came. */
  readonly answered: number;
  /** All of it was there and was read. */
  readonly read: number;
  /** Something of it was seen. */
  readonly painted: number;
}

/** First paints of the client page, and of the least that a browser can show, in milliseconds: medians. */
export interface FirstPaints {
  readonly page: number;
  /** A page that is one heading, from a server that does nothing else. */
  readonly heading: number;
}

/**
 * Opens the client page and a page that is one heading, in turn. What the second takes is the browser's own time and the machine's,
 * which no page gets below.
 */
export async function firstPaints(setting: Setting, browser: TestBrowser, url: string): Promise<FirstPaints> {
  using bare = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response("<!doctype html><title>One heading</title><h1>Say something.</h1>", {
        headers: { "content-type": "text/html; charset=utf-8" },
      }),
  });
  const pages = { page: url, heading: bare.url.href };
  const seen = { page: [] as Opened[], heading: [] as Opened[] };
  for (let count = 0; count < openings; count++) {
    for (const name of ["page", "heading"] as const) {
      seen[name].push(await opened(await browser.openWaiting(pages[name])));
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

async function opened(page: Page): Promise<Opened> {
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  return page.evaluate(() => {
    const [way] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    const [painted] = performance.getEntriesByName("first-contentful-paint");
    return { answered: way!.responseStart, read: way!.domInteractive, painted: painted!.startTime };
  });
}
