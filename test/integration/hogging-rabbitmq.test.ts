import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(3 * integrationTimeoutMs);

/** RabbitMQ gives up a connection that says nothing for two of its heart-beats. */
const heartbeatSeconds = 2;
const handler = `
export default ({ text }) => {
  if (text === "hog") for (const end = performance.now() + 9000; performance.now() < end; );
  return text;
};`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "warren-hogging-"));
  writeFileSync(join(folder, "handler.ts"), handler);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a message whose handler keeps the event loop to itself until RabbitMQ gives up the connection becomes a dead letter, and the others are handled", async () => {
  const url = `${await (await sharedRabbitmq()).vhost()}?heartbeat=${heartbeatSeconds}`;
  await using manager = await startWarren(["manager", "--broker", url], { readyWhen: "ready" });
  await using processor = await startWarren([
    "processor",
    "--broker",
    url,
    "--handler",
    join(folder, "handler.ts"),
    "--attempts",
    "1",
    "--handler-timeout",
    "1s",
  ]);
  await processor.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the group's queue");
  await using anna = await connect(manager.wsUrl("/ws/anna?topic=t"));
  await using ben = await connect(manager.wsUrl("/ws/ben?topic=t"));
  anna.send("hog");
  ben.send("hello");
  await processor.waitForLog(({ msg }) => msg.startsWith("this process stood still"), "it says so", 60_000);
  await processor.waitForLog(
    ({ msg, reason }) => msg === "message dead-lettered" && String(reason).includes("did nothing else"),
    "the message is a dead letter",
    90_000,
  );
  expect(await ben.next((frame) => frame === "hello")).toBe("hello");
});
