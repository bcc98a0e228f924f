import type { Page } from "playwright-core";
import { startBrowser } from "../../support/browser.ts";
import { connect } from "../../support/client.ts";
import { startWarren } from "../../support/warren.ts";
import { type Frames, framesBeside } from "../page-frames.ts";
import { firstPaints, serveHeading, untilAtRest } from "../page-paint.ts";
import { type Figures, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { unhurried } from "../systems/managers.ts";

/** Messages a second that the page gets. Half of them are sent by a client, and the others are the processor's answers. */
const rate = 1000;
const seconds = 30;
const secondsWhenQuick = 5;
/** Messages are sent in groups of this size, so that timers may be late by some milliseconds. */
const sentEveryMs = 20;

/** What a person sees of the client page, measured in headless Chromium. */
export const page: Case = {
  name: "page",
  what: "the client page at 1,000 messages a second for 30 s: its longest frame; its first paint; its size",
  isQuick: true,
  async run(setting) {
    const turns = [
      { contender: "page", figures: [] as Figures[], failures: [] as string[] },
      { contender: "one heading", figures: [] as Figures[], failures: [] as string[] },
    ] as const;
    try {
      const { page: ofPage, heading } = await measured(setting);
      turns[0].figures.push(ofPage);
      turns[1].figures.push(heading);
    } catch (error) {
      for (const { failures } of turns) failures.push(String(error));
    }
    const measure = (name: string, title: string, unit: string) => ({
      name,
      title,
      unit,
      series: seriesOf(name === "page-size" ? [turns[0]] : turns, name),
    });
    return [
      measure(
        "page-frame",
        `The client page at ${rate} messages a second, and beside it a page that is one heading: the longest frame`,
        "ms",
      ),
      measure("page-frame-p99", "The same: 99 of 100 frames are at most", "ms"),
      measure(
        "page-paint",
        "First paint of the client page, and of a page that is one heading: medians of nine new tabs each",
        "ms",
      ),
      measure("page-size", "All that the client page loads, gzipped", "KB"),
    ];
  },
};

async function measured(setting: Setting): Promise<{ readonly page: Figures; readonly heading: Figures }> {
  await using warren = await startWarren([...unhurried, "--log-messages", "off"]);
  using bare = serveHeading();
  await using browser = await startBrowser();
  const paints = await firstPaints(setting, browser, { page: warren.url, heading: bare.url.href });
  const watched = await browser.open(`${warren.url}?topic=bench`);
  const empty = await browser.openWaiting(bare.url.href);
  await untilAtRest(browser);
  const durationMs = 1000 * (setting.isQuick ? secondsWhenQuick : seconds);
  const watching = framesBeside(watched, empty, durationMs);
  const sent = await sendFor(warren.wsUrl("/ws?topic=bench"), durationMs);
  const frames = await watching;
  const shown = await shownBy(watched);
  const ofBoth = (["page", "empty"] as const).map((name) => {
    const { count, longest, p99 } = frames[name];
    return `${name}: ${count} frames, longest ${longest.toFixed(0)} ms, p99 ${p99.toFixed(0)}`;
  });
  setting.say(`page  ${ofBoth.join("; ")}; ${shown} messages came`);
  setting.say(
    `page  ${frames.long} frames were too long, ${frames.longForBoth} of them for the empty page, too`,
  );
  // A page that fell behind would have quiet frames, too.
  if (shown < 1.9 * sent) throw new Error(`of ${2 * sent} messages ${shown} came to the page in time`);
  const sizeKb = (await gzippedBytes(warren.url)) / 1024;
  const figuresOf = ({ longest, p99 }: Frames, paint: number) => ({
    "page-frame": longest,
    "page-frame-p99": p99,
    "page-paint": paint,
  });
  return {
    page: { ...figuresOf(frames.page, paints.page), "page-size": sizeKb },
    heading: figuresOf(frames.empty, paints.heading),
  };
}

/** @returns how many were sent */
async function sendFor(url: string, durationMs: number): Promise<number> {
  await using client = await connect(url);
  const startedMs = performance.now();
  let sent = 0;
  while (performance.now() - startedMs < durationMs) {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * (rate / 2));
    for (; sent < due; sent++) client.send(`{"number": ${sent}, "text": "said by somebody else"}`);
    await Bun.sleep(sentEveryMs);
  }
  return sent;
}

/** How many messages have come to the page, with those that were folded or removed. */
function shownBy(watched: Page): Promise<number> {
  return watched.evaluate(() => {
    const countIn = (element: Element) => Number(element.textContent.replaceAll(/\D/g, ""));
    const gaps = [...document.querySelectorAll("#messages .gap")].reduce((sum, gap) => sum + countIn(gap), 0);
    const rows = document.querySelectorAll("#messages .row:not(.gap, .event)").length;
    return rows + gaps + countIn(document.querySelector("#earlier")!);
  });
}

/** The sizes of the page and its parts, as they are transferred. */
async function gzippedBytes(url: string): Promise<number> {
  const html = await (await fetch(url)).text();
  const links = [...html.matchAll(/(?:src|href)="(\.?\/[^"]+\.(?:js|css|svg))"/g)].map(([, link]) => link!);
  const sizes = await Promise.all(
    ["", ...links].map(async (link) => {
      const headers = { "accept-encoding": "gzip" };
      const part = await fetch(new URL(link, url), { headers, decompress: false });
      return (await part.bytes()).byteLength;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
