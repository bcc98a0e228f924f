import { expect, setDefaultTimeout, test } from "bun:test";
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
