import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { errors, type Locator } from "playwright-core";
import { entriesMax } from "../../static/session/conversation.ts";
import { FaultyProxy } from "../faults/proxy.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { type Client, connect } from "../support/client.ts";
import { rows, say, untilStatus } from "../support/page-actions.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { until } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(60_000);

const started = new AsyncDisposableStack();
let warren: WarrenProcess;
let browser: TestBrowser;

beforeAll(async () => {
  warren = started.use(await startWarren());
  browser = started.use(await startBrowser());
});

afterEach(() => browser.closePages());

afterAll(() => started.disposeAsync());

let topics = 0;

/** The page on a topic of the test's own. */
function topicUrl(): string {
  return `${warren.url}?topic=page-test-${++topics}`;
}

/** Another client on the page's topic, without a page. */
function connectBeside(pageUrl: string): Promise<Client> {
  const { origin, search } = new URL(pageUrl);
  return connect(`${origin.replace("http", "ws")}/ws${search}`);
}

test("two pages: one sends, both see what they should, and both recover when the manager restarts", async () => {
  await using first = await startWarren();
  const { port } = new URL(first.url);
  const [alice, bob] = await Promise.all([browser.open(first.url), browser.open(first.url)]);
  const clientId = await alice.locator("#client-id").textContent();

  const nasty = '<img src="x" onerror="document.title=1"> & <b>bold</b>';
  await say(alice, nasty);
  await rows(alice, "own", nasty).getByText("processed in").waitFor();
  await rows(alice, "processed.answers-own", `processed message: ${nasty}`).waitFor();
  await rows(bob, "other", nasty).waitFor();
  await rows(bob, "processed", `processed message: ${nasty}`).waitFor();
  expect(await rows(bob, "processed.answers-own").count()).toBe(0);
  expect(await rows(alice, "other").count()).toBe(0);
  expect(await alice.locator("#messages :is(img, b)").count()).toBe(0);
  expect(await bob.title()).toBe("Warren");

  await first.stop();
  await Promise.all([alice, bob].map((page) => untilStatus(page, "waiting")));
  await alice
    .getByText(/The manager (is shutting down|cannot be reached)/)
    .first()
    .waitFor();
  await say(alice, "written while it was away");
  await rows(alice, "own", "written while it was away").getByText("waiting to be sent").waitFor();

  await using _second = await startWarren(["--port", port]);
  await Promise.all([alice, bob].map((page) => untilStatus(page, "connected")));
  expect(await alice.locator("#client-id").textContent()).toBe(clientId);
  await rows(alice, "processed.answers-own", "processed message: written while it was away").waitFor();
  // The embedded broker's log ended with the first process, and the page says so once.
  await rows(alice, "missing").waitFor();
  await say(bob, "back again");
  await rows(alice, "other", "back again").waitFor();
  await rows(bob, "processed.answers-own", "processed message: back again").waitFor();
});

test("pages on different topics do not hear each other, and a link leads to its topic", async () => {
  const url = topicUrl();
  const [here, there, also] = await Promise.all([url, warren.url, url].map((link) => browser.open(link)));
  await say(here!, "only for this topic");
  await rows(also!, "other", "only for this topic").waitFor();
  await say(there!, "for broadcast");
  await rows(there!, "processed.answers-own").waitFor();
  await there!.getByRole("textbox", { name: "Topic" }).fill(new URL(url).searchParams.get("topic")!);
  await there!.getByRole("button", { name: "Join" }).click();
  await untilStatus(there!, "connected");
  expect(there!.url()).toBe(url);
  await say(there!, "now here too");
  await rows(here!, "other", "now here too").waitFor();
  expect(await rows(there!, "other").count()).toBe(0);
  expect(await rows(here!, "other").count()).toBe(1);

  const clientId = await here!.locator("#client-id").textContent();
  await here!.reload();
  const idAgain = () => here!.locator("#client-id").textContent();
  await until(async () => (await idAgain()) !== "", "the page to say who it is");
  expect(await idAgain()).toBe(clientId);
  expect(await also!.locator("#client-id").textContent()).not.toBe(clientId);
});

test("a page on a pattern hears all its topics, says which, and sends to one of them", async () => {
  const page = await browser.open(`${warren.url}?topic=${encodeURIComponent("rainbow.*")}`);
  await using client = await connectStomp(warren.wsUrl("/ws"));
  client.send("/topic/rainbow.red", "crimson");
  client.send("/topic/rainbow", "not this one");
  client.send("/topic/rainbow.blue", "azure");
  await rows(page, "other", "crimson").getByText("rainbow.red").waitFor();
  await rows(page, "other", "azure").getByText("rainbow.blue").waitFor();
  expect(await rows(page, "other").count()).toBe(2);
  await say(page, "where to?");
  await page.getByRole("alert").filter({ hasText: "Enter one of them" }).waitFor();
  expect(await rows(page, "own").count()).toBe(0);
  await page.getByLabel("To", { exact: true }).fill("rainbow.red");
  await page.getByRole("button", { name: "Send" }).click();
  await rows(page, "processed.answers-own", "processed message: where to?").waitFor();
  await rows(page, "own", "where to?").getByRole("link", { name: "rainbow.red" }).waitFor();
});

test("JSON, bytes and headers can be sent, and what is wrong with them is told before", async () => {
  const url = topicUrl();
  const page = await browser.open(url);
  const destination = `/topic/${new URL(url).searchParams.get("topic")}`;
  await using client = await connectStomp(warren.wsUrl("/ws"));
  const received = await client.subscribe(destination);
  await page.getByLabel("As").selectOption("json");
  await page.getByText("Headers", { exact: true }).click();
  await page.getByLabel("Headers, one in each line").fill("lot: 7");
  await say(page, "{1}");
  await page.getByRole("alert").filter({ hasText: "This is not JSON" }).waitFor();
  await say(page, '{"a":1}');
  await rows(page, "own", '{"a":1}').waitFor();
  await until(() => received.length > 0, "it came");
  const { body, headers } = received[0]!;
  expect([body, headers["content-type"], headers["lot"]]).toEqual(['{"a":1}', "application/json", "7"]);
  await page.getByLabel("As").selectOption("bytes");
  await say(page, "ca fe");
  await rows(page, "own", "2 bytes: ca fe").waitFor();
});

test("a topic can be heard from the beginning of the log, and its code can be copied", async () => {
  const url = topicUrl();
  const topic = new URL(url).searchParams.get("topic")!;
  await using client = await connectStomp(warren.wsUrl("/ws"));
  await client.sendSafely(`/topic/${topic}`, "long before");
  const page = await browser.open(url);
  expect(await rows(page, "other", "long before").count()).toBe(0);
  await page.getByLabel("From").selectOption("first");
  await rows(page, "other", "long before").waitFor();
  await page.getByRole("button", { name: "Code" }).click();
  await page
    .locator("#code-text")
    .filter({ hasText: `/topic/${topic}` })
    .waitFor();
  await page.getByRole("button", { name: "curl" }).click();
  await page
    .locator("#code-text")
    .filter({ hasText: `topics/${topic}` })
    .waitFor();
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByText(/^(Copied|Marked)/).waitFor();
});

test("a message opens to its way, what it carries and its body, by mouse and by keyboard", async () => {
  const url = topicUrl();
  const page = await browser.open(url);
  const topic = new URL(url).searchParams.get("topic")!;
  await using client = await connectStomp(warren.wsUrl("/ws/anna"));
  client.send(`/topic/${topic}`, '{"a":[1,{"b":2}]}', { lot: "seven" });
  const theirs = rows(page, "other", '{"a":[1,{"b":2}]}');
  await theirs.click();
  await theirs.locator("pre").filter({ hasText: '"b": 2\n' }).waitFor();
  await theirs.getByText("anna").waitFor();
  await theirs.getByText("seven").waitFor();
  expect(await theirs.getAttribute("aria-expanded")).toBe("true");
  await theirs.locator(".who").click();
  expect(await theirs.locator(".details").count()).toBe(0);

  await say(page, "mine");
  await rows(page, "processed.answers-own", "processed message: mine").waitFor();
  await page.locator("#log").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  const stops = rows(page, "own").locator(".stop");
  expect(await stops.locator(".stop-name").allTextContents()).toEqual(["sent", "confirmed", "processed"]);
  // The log has told what the manager has made of it.
  const clientId = (await page.locator("#client-id").textContent())!;
  const facts = rows(page, "own").locator(".facts");
  await facts.filter({ hasText: new RegExp(`from${clientId}id\\S+-\\d+`) }).waitFor();
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("log");
});

test("the topic of a message leads there, without loading the page anew", async () => {
  const page = await browser.open(`${warren.url}?topic=${encodeURIComponent("links.#")}`);
  await using client = await connectStomp(warren.wsUrl("/ws"));
  client.send("/topic/links.one", "come");
  await rows(page, "other", "come").getByRole("link", { name: "links.one" }).click();
  await rows(page, "event", "Joined the topic links.one").waitFor();
  expect(page.url()).toBe(`${warren.url}?topic=links.one`);
  await rows(page, "other", "come").waitFor();
});

test("a message says how far it came: sent, confirmed by the broker, processed", async () => {
  await using own = await startWarren(["--handler", join(import.meta.dir, "../support/patient-handler.ts")]);
  const page = await browser.open(own.url);
  await say(page, "hello");
  await rows(page, "own", "hello").getByText("confirmed").waitFor();
  await using client = await connectBeside(own.url);
  client.send("go on");
  await rows(page, "own", "hello").getByText("processed in").waitFor();
});

test("what is addressed to the page alone comes through, and says so", async () => {
  await using own = await startWarren(["--handler", join(import.meta.dir, "../../examples/handler.ts")]);
  const page = await browser.open(`${own.url}?topic=anything`);
  await say(page, "2 + 3");
  await rows(page, "processed.answers-own", "5").getByText("to you alone").waitFor();
  // The page knows it by its id, since such a handler answers as it likes.
  await rows(page, "own", "2 + 3").getByText("processed in").waitFor();
});

test("a page whose network was away, and took the connection with it, shows what was said meanwhile, each once", async () => {
  const url = topicUrl();
  await using proxy = await FaultyProxy.start(warren.url);
  const page = await browser.open(new URL(new URL(url).search, proxy.url).href);
  await using client = await connectBeside(url);
  client.send("before");
  await rows(page, "other", "before").waitFor();
  await page.context().setOffline(true);
  await page.waitForFunction(() => !navigator.onLine);
  proxy.strand();
  client.send("meanwhile");
  await page.context().setOffline(false);
  await rows(page, "other", "meanwhile").waitFor();
  client.send("after");
  await rows(page, "other", "after").waitFor();
  expect(await rows(page, "other").locator(".text").allTextContents()).toEqual([
    "before",
    "meanwhile",
    "after",
  ]);
});

test("everything can be done from the keyboard", async () => {
  const page = await browser.open(warren.url);
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement?.id);
  expect(await focused()).toBe("message");
  await keyboard.type("two");
  await keyboard.press("Shift+Enter");
  await keyboard.type("lines");
  await keyboard.press("Enter");
  await rows(page, "own")
    .filter({ hasText: /two\nlines/ })
    .waitFor();
  expect(await page.getByRole("textbox", { name: "Message" }).inputValue()).toBe("");

  const visited: (string | undefined)[] = [];
  for (let i = 0; i < 4; i++) {
    await keyboard.press("Shift+Tab");
    visited.push(await focused());
  }
  expect(visited).toEqual(["log", "code-toggle", "from", "topic"]);
  await keyboard.type("*.".repeat(17));
  await page.getByRole("alert").filter({ hasText: "at most 16" }).waitFor();
  await keyboard.press("Enter");
  expect(page.url()).not.toContain("topic");
  await keyboard.press("Escape");
  await keyboard.type("keyboard.only");
  await keyboard.press("Enter");
  await rows(page, "event", "Joined the topic keyboard.only").waitFor();
  expect(await focused()).toBe("message");
  await untilStatus(page, "connected");
  await keyboard.type("typed here");
  await keyboard.press("Enter");
  await rows(page, "processed.answers-own", "processed message: typed here").waitFor();
});

test("a screen reader finds the log, the labels and the state", async () => {
  const page = await browser.open(topicUrl());
  const log = page.getByRole("log", { name: "Messages" });
  expect(await log.getAttribute("aria-live")).toBe("polite");
  await page.getByRole("heading", { name: "Warren" }).waitFor();
  await page.getByRole("textbox", { name: "Topic" }).waitFor();
  await page.getByRole("status").filter({ hasText: "Connected" }).waitFor({ state: "attached" });
  await say(page, "read me");
  await log.getByRole("listitem").filter({ hasText: /^You/ }).waitFor();
  await log
    .getByRole("listitem")
    .filter({ hasText: /^Processor/ })
    .waitFor();
});

test("on a phone of 360 pixels nothing is cut off, also when its keyboard is up", async () => {
  const page = await browser.open(topicUrl(), {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
  });
  await say(page, `a word that does not end: ${"warren".repeat(60)}`);
  for (let i = 0; i < 20; i++) await say(page, `line ${i}`);
  const last = rows(page, "processed.answers-own", "processed message: line 19");
  await last.waitFor();
  await page.setViewportSize({ width: 360, height: 380 });
  await page.waitForFunction(() => document.body.clientHeight === 380);
  await page.waitForFunction(() => {
    const seen = document.querySelector("#log")!.getBoundingClientRect();
    return document.querySelector("#messages li:last-child")!.getBoundingClientRect().bottom <= seen.bottom;
  });
  const tooWide = await page.evaluate(() =>
    [...document.querySelectorAll("body, body *")]
      .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
      .filter((element) => getComputedStyle(element).display !== "inline" && element.className !== "unseen")
      .map((element) => `${element.localName}#${element.id}.${element.className}`),
  );
  expect(tooWide).toEqual([]);
  const sizes = await page.evaluate(() =>
    [...document.querySelectorAll("input, textarea, .send")].map((element) => ({
      fontPx: Number.parseFloat(getComputedStyle(element).fontSize),
      ...element.getBoundingClientRect().toJSON(),
    })),
  );
  for (const { fontPx, left, right, bottom } of sizes) {
    expect(fontPx).toBeGreaterThanOrEqual(16);
    expect([left >= 0, right <= 360, bottom <= 380]).toEqual([true, true, true]);
  }
});

async function comes(row: Locator, withinMs: number): Promise<boolean> {
  try {
    await row.waitFor({ timeout: withinMs });
    return true;
  } catch (error) {
    if (error instanceof errors.TimeoutError) return false;
    throw error;
  }
}

test("a flood is folded instead of drawn, and the page stays awake", async () => {
  const url = topicUrl();
  const page = await browser.open(url);
  await using client = await connectBeside(url);
  for (let i = 0; i < 5000; i++) client.send(`flood ${i}`);
  await rows(page, "gap").first().waitFor();
  // What is answered early may leave the list with the flood that follows it: then the page says it again.
  let said = 0;
  do await say(page, `still here ${++said}`);
  while (!(await comes(rows(page, "processed.answers-own", `processed message: still here ${said}`), 3000)));
  // Each message of the flood and each answer to it is either shown or counted, exactly once.
  await page.waitForFunction(
    (expected) => {
      const countIn = (element: Element) => Number(element.textContent.replaceAll(/\D/g, ""));
      const gaps = [...document.querySelectorAll("#messages .gap")].reduce(
        (sum, gap) => sum + countIn(gap),
        0,
      );
      const shown = document.querySelectorAll("#messages .row:not(.gap, .event)").length;
      return shown + gaps + countIn(document.querySelector("#earlier")!) === expected;
    },
    10_000 + 2 * said,
  );
  expect(await page.locator("#messages .row").count()).toBeLessThanOrEqual(entriesMax);
  // What is folded opens, and is all there.
  const gap = rows(page, "gap").last();
  const folded = Number((await gap.getByRole("button").textContent())!.replaceAll(/\D/g, ""));
  await gap.getByRole("button").click();
  await until(async () => (await gap.locator(".row").count()) === folded, "all that was folded");
  await gap.getByRole("button").click();
  expect(await gap.locator(".row").count()).toBe(0);
});

test("a person who reads further up is not scrolled, and sees that there are new messages", async () => {
  const url = topicUrl();
  const page = await browser.open(url, { viewport: { width: 800, height: 500 } });
  for (let i = 0; i < 15; i++) await say(page, `line ${i}`);
  await rows(page, "processed.answers-own", "processed message: line 14").waitFor();
  const scrollTop = () => page.evaluate(() => document.querySelector("#log")!.scrollTop);
  await using client = await connectBeside(url);
  // Messages come in while the browser scrolls up, which it does smoothly, in many small steps.
  const chatter = setInterval(() => client.send("news"), 30);
  await page.locator("#log").focus();
  await page.keyboard.press("Home");
  await page.waitForFunction(() => document.querySelector("#log")!.scrollTop === 0);
  const newer = page.getByRole("button", { name: /^\d+ new/ });
  await newer.waitFor();
  clearInterval(chatter);
  expect(await scrollTop()).toBe(0);
  await newer.click();
  await newer.waitFor({ state: "hidden" });
  expect(await scrollTop()).toBeGreaterThan(0);
});

test("binary messages show as size and hex, empty ones as empty", async () => {
  const url = topicUrl();
  const page = await browser.open(url);
  await using client = await connectBeside(url);
  client.send(new Uint8Array([0xca, 0xfe, 0x00]));
  await rows(page, "binary").filter({ hasText: "binary, 3 bytes ca fe 00" }).waitFor();
  client.send("");
  await rows(page, "other", "(empty message)").waitFor();
});

test("a message that is too large is explained, and the page goes on", async () => {
  const page = await browser.open(topicUrl());
  await say(page, "x".repeat(1024 * 1024 + 1));
  await rows(page, "own").getByText("refused").waitFor();
  await rows(page, "event", "The manager refused: a body has more than 1048576 bytes").waitFor();
  await untilStatus(page, "connected");
  await say(page, "smaller");
  await rows(page, "processed.answers-own", "processed message: smaller").waitFor();
});
