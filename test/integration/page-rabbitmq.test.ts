import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { rows, say, untilStatus } from "../support/page-actions.ts";
import { type RabbitmqNode, sharedRabbitmq } from "../support/rabbitmq.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const started = new AsyncDisposableStack();
let node: RabbitmqNode;
let browser: TestBrowser;

beforeAll(async () => {
  node = await sharedRabbitmq();
  browser = started.use(await startBrowser());
});

afterEach(() => browser.closePages());

afterAll(() => started.disposeAsync());

function startManager(broker: string, ...args: string[]): Promise<WarrenProcess> {
  return startWarren(["--role", "manager", "--broker", broker, ...args], { readyWhen: "ready" });
}

/** The texts of other people's messages, in the order in which they are shown. */
function heard(page: Page): Promise<string[]> {
  return rows(page, "other").locator(".text").allTextContents();
}

test("a message is sent while RabbitMQ stands still, and confirmed when it has it", async () => {
  await using manager = await startManager(await node.vhost());
  const page = await browser.open(`${manager.url}?topic=stands.still`);
  node.freeze();
  try {
    await say(page, "hello");
    await rows(page, "own", "hello").getByText("sent", { exact: true }).waitFor();
    expect(await rows(page, "own", "hello").getAttribute("data-state")).toBe("sent");
  } finally {
    node.thaw();
  }
  await rows(page, "own", "hello").getByText("confirmed").waitFor();
});

test("two pages on two managers hear each other, and a processor answers both", async () => {
  const broker = await node.vhost();
  await using here = await startManager(broker);
  await using there = await startManager(broker);
  await using _processor = await startWarren(["--role", "processor", "--broker", broker]);
  const [alice, bob] = await Promise.all([
    browser.open(`${here.url}?topic=two.managers`),
    browser.open(`${there.url}?topic=two.managers`),
  ]);
  await say(alice, "hello over there");
  await rows(bob, "other", "hello over there").waitFor();
  await rows(alice, "processed.answers-own", "processed message: hello over there").waitFor();
  await rows(bob, "processed", "processed message: hello over there").waitFor();
  expect(await rows(alice, "other").count()).toBe(0);
});

test("a manager that is killed and started again: the page shows what was said meanwhile, each once", async () => {
  const broker = await node.vhost();
  await using other = await startManager(broker);
  await using somebody = await connectStomp(other.wsUrl("/ws"));
  const first = await startManager(broker);
  const { port } = new URL(first.url);
  const [topicPage, patternPage, quietPage] = await Promise.all(
    ["garden.north", "garden.*", "garden.quiet"].map((topic) =>
      browser.open(`${first.url}?topic=${encodeURIComponent(topic)}`),
    ),
  );
  await somebody.sendSafely("/topic/garden.north", "before");
  await Promise.all([topicPage!, patternPage!].map((page) => rows(page, "other", "before").waitFor()));
  await say(topicPage!, "mine");
  await rows(topicPage!, "own", "mine").getByText("confirmed").waitFor();

  first.signal("SIGKILL");
  await first.exited;
  await Promise.all([topicPage!, patternPage!, quietPage!].map((page) => untilStatus(page, "waiting")));
  const meanwhile = Array.from({ length: 30 }, (_, i) => `meanwhile ${i}`);
  for (const text of meanwhile) await somebody.sendSafely("/topic/garden.north", text);
  await somebody.sendSafely("/topic/garden.quiet", "the first on this topic");
  await say(topicPage!, "written while it was away");

  await using _second = await startManager(broker, "--port", port);
  await Promise.all([topicPage!, patternPage!, quietPage!].map((page) => untilStatus(page, "connected")));
  await somebody.sendSafely("/topic/garden.north", "after");
  await Promise.all([topicPage!, patternPage!].map((page) => rows(page, "other", "after").waitFor()));
  await rows(topicPage!, "own", "written while it was away").getByText("confirmed").waitFor();
  expect(await heard(topicPage!)).toEqual(["before", ...meanwhile, "after"]);
  const others = (await heard(patternPage!)).filter((text) => text !== "written while it was away");
  expect(others).toEqual(["before", "mine", ...meanwhile, "the first on this topic", "after"]);
  await rows(quietPage!, "other", "the first on this topic").waitFor();
  expect(await heard(quietPage!)).toEqual(["the first on this topic"]);
});

test("a manager that keeps no log is listened to live, and says so when something may be missing", async () => {
  const broker = await node.vhost();
  const first = await startManager(broker, "--log", "off");
  const { port } = new URL(first.url);
  const page = await browser.open(`${first.url}?topic=no.log`);
  await using somebody = await connectStomp(first.wsUrl("/ws"));
  somebody.send("/topic/no.log", "live");
  await rows(page, "other", "live").waitFor();
  await say(page, "mine");
  await rows(page, "own", "mine").getByText("confirmed").waitFor();
  expect(await heard(page)).toEqual(["live"]);
  first.signal("SIGKILL");
  await first.exited;
  await untilStatus(page, "waiting");
  await using _second = await startManager(broker, "--log", "off", "--port", port);
  await rows(page, "event").filter({ hasText: "keeps no log" }).waitFor();
});
