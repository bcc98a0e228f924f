import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import story, { topics } from "../../examples/streaming.ts";
import { connect } from "../support/client.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const told = "Once upon a time a rabbit dug a burrow, and every room of it had two ways out. ";

test("the streaming example tells its story word by word to the client that asks, and to a topic that it is told", async () => {
  expect(topics).toEqual(["story"]);
  await using system = startSystem([], story as never);
  await using listener = await connect(system.wsUrl("/ws?topic=story.told"));
  const words: string[] = [];
  await using anna = await connectStomp(system.wsUrl("/ws"), {
    onUnhandledMessage: ({ body }) => void words.push(body),
  });
  anna.send("/app/story", "1", { "reply-to": "/temp-queue/story", "correlation-id": "s" });
  await until(() => words.join("") === told, "the whole story");
  expect(words).toHaveLength(18);
  expect(await listener.next()).toBe('{"words":18}');
});

test("a second tab sees the same story, and one that was away in the middle gets the rest of it", async () => {
  await using system = startSystem([], story as never);
  await using teller = await connect(system.wsUrl("/ws?topic=story"));
  await using tab = await connectStomp(system.wsUrl("/ws"));
  const seen = await tab.subscribe("/topic/story", { "x-stream-offset": "next" });
  teller.send("5");
  await until(() => seen.length >= 6, "a part of the story");
  const position = seen[5]!.headers["x-stream-offset"]!;
  await using reloaded = await connectStomp(system.wsUrl("/ws"));
  const rest = await reloaded.subscribe("/topic/story", { "x-stream-after": position });
  // The first message is what started it.
  const storyIn = (messages: typeof seen) => messages.map(({ body }) => body).join("");
  await until(() => storyIn(seen) === `5${told}`, "the story in the first tab");
  await until(
    () => storyIn(seen.slice(0, 6)) + storyIn(rest) === `5${told}`,
    "the rest of it after the reload",
  );
});

// biome-ignore lint/suspicious/noExplicitAny: the pages are plain JavaScript
const example = async (name: string): Promise<any> =>
  await import(join(import.meta.dir, "../../examples", name));

/** As a browser's `sessionStorage`. */
class Storage {
  readonly #items = new Map<string, string>();
  getItem(name: string): string | null {
    return this.#items.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.#items.set(name, value);
  }
}

const quiet = () => undefined;

test("the chat shows the last fifty lines to a new client, under the names that Warren knows, and each line once", async () => {
  const { enter } = await example("chat.js");
  await using system = startSystem([], quiet);
  type Line = { readonly name: string; readonly text: string };
  const heard: Line[] = [];
  const anna = await enter(system.wsUrl("/ws/anna"), "lobby", () => undefined);
  for (let line = 0; line < 60; line++) await anna.say(`line ${line}`);
  await anna.say("line 59 again", "same-key");
  await anna.say("line 59 again", "same-key");
  const ben = await enter(system.wsUrl("/ws/ben"), "lobby", (line: Line) => void heard.push(line));
  await ben.say("hello: all\nof you");
  await until(() => heard.at(-1)?.name === "ben", "ben's own line");
  expect(heard).toHaveLength(51);
  expect(heard[0]).toEqual({ name: "anna", text: "line 11" });
  expect(heard.slice(-2)).toEqual([
    { name: "anna", text: "line 59 again" },
    { name: "ben", text: "hello: all\nof you" },
  ]);
  anna.leave();
  ben.leave();
});

test("the story's page goes on where it was after a reload in the middle, and a second tab sees the same", async () => {
  const { follow } = await example("story.js");
  await using system = startSystem([], story as never);
  const pages: string[][] = [[], [], []];
  const storages = [new Storage(), new Storage()];
  const open = (storage: number, page: number) =>
    follow(system.wsUrl("/ws"), storages[storage]!, (word: string) => void pages[page]!.push(word));
  const first = await open(0, 0);
  const tab = await open(1, 1);
  await first.begin(20);
  await until(() => pages[0]!.length >= 5, "a part of the story");
  first.close();
  const reloaded = await open(0, 2);
  await until(() => pages[1]!.join("") === told, "the story in the second tab");
  await until(() => pages[2]!.join("") === told, "the story in the page that was loaded again");
  reloaded.close();
  tab.close();
});

test("the story that one page asked for ends when it cancels", async () => {
  const { askAlone } = await example("story.js");
  let reason = "";
  const watched = (message: never, context: { readonly signal: AbortSignal }) => {
    context.signal.addEventListener("abort", () => {
      reason = (context.signal.reason as Error).message;
    });
    return (story as (...args: unknown[]) => unknown)(message, {
      ...context,
      signal: context.signal,
      log: { debug: quiet },
    });
  };
  await using system = startSystem([], watched as never);
  const words: string[] = [];
  const telling = await askAlone(system.wsUrl("/ws"), 60_000, (word: string) => void words.push(word));
  await until(() => words.length === 1, "the first word");
  telling.cancel();
  await until(() => reason !== "", "the handler is told");
  expect(reason).toBe("the client that asked has gone");
});

test("notifications that came while a client was away are there when it comes back", async () => {
  const { listen } = await example("notifications.js");
  await using system = startSystem([], ({ text }) => ({ to: { client: "anna" }, body: text }));
  await using ben = await connectStomp(system.wsUrl("/ws/ben"));
  const heard: string[] = [];
  const storage = new Storage();
  const open = () => listen(system.wsUrl("/ws/anna"), storage, (text: string) => void heard.push(text));
  const anna = await open();
  await ben.sendSafely("/topic/notify", "one");
  await until(() => heard.length === 1, "the first notification");
  anna.close();
  await ben.sendSafely("/topic/notify", "two");
  const again = await open();
  await ben.sendSafely("/topic/notify", "three");
  await until(() => heard.length === 3, "the others");
  expect(heard).toEqual(["one", "two", "three"]);
  again.close();
});
