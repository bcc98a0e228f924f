import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { forgetFolder, removeAtExit } from "../support/leftovers.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const handlers = {
  /** Takes 20 ms for what it can read, and cannot read a word that is no number. */
  patient:
    "export default async ({ text }) => { if (text === 'x') throw new Error('unreadable'); await Bun.sleep(20); return 'answer to ' + text; };",
  /** The same, without a pause in which anything else could be done. */
  busy: "export default ({ text }) => { if (text === 'x') throw new Error('unreadable'); Bun.sleepSync(20); return 'answer to ' + text; };",
} as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "warren-fairness-"));
  removeAtExit(folder);
  for (const [name, source] of Object.entries(handlers)) writeFileSync(join(folder, `${name}.ts`), source);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  forgetFolder(folder);
});

const frame = (head: string, body = "") => `${head}\n\n${body}\0`;

/** What one client sends of a kind in one WebSocket message. */
interface Flood {
  readonly count: number;
  readonly body: string;
}

/** Messages that no handler can read, and messages that each take their time. */
const unreadable: Flood = { count: 1500, body: "x" };
const slow: Flood = { count: 3000, body: "0" };

/** Each of these floods is one client's; how long do the questions of another one take? In milliseconds. */
async function longestWaitMs(broker: string, handler: keyof typeof handlers, floods: readonly Flood[]) {
  await using warren = await startWarren(
    ["--broker", broker, "--handler", join(folder, `${handler}.ts`), "--log-messages", "off"],
    { readyWhen: "ready" },
  );
  await using honest = await connect(warren.wsUrl("/ws/honest?topic=honest"));
  await using attackers = new AsyncDisposableStack();
  for (const [index, { count, body }] of floods.entries()) {
    const hostile = attackers.use(
      await connect(warren.wsUrl(`/ws/hostile-${index}?topic=hostile`), { protocols: ["v12.stomp"] }),
    );
    hostile.send(frame("CONNECT\naccept-version:1.2\nhost:h"));
    await hostile.next((message) => String(message).startsWith("CONNECTED"));
    hostile.send(frame("SEND\ndestination:/topic/hostile", body).repeat(count));
  }
  const waits: number[] = [];
  for (let number = 0; number < 20; number++) {
    const question = `question ${number}`;
    const askedAt = performance.now();
    honest.send(question);
    await honest.next((message) => message === `answer to ${question}`, `the answer to ${question}`, 30_000);
    waits.push(performance.now() - askedAt);
  }
  warren.signal("SIGKILL");
  return Math.max(...waits);
}

describe.each([
  ["the embedded broker", async () => "memory:"],
  ["RabbitMQ", async () => (await sharedRabbitmq()).vhost()],
])("with %s,", (_, broker) => {
  test("1,500 messages that no handler can read delay nobody else by a second", async () => {
    expect(await longestWaitMs(await broker(), "patient", [unreadable])).toBeLessThan(1000);
  });

  test("3,000 messages of 20 ms delay nobody else by two seconds, also beside another client's that no handler can read", async () => {
    expect(await longestWaitMs(await broker(), "patient", [unreadable, slow])).toBeLessThan(2000);
  });

  test("3,000 messages that occupy the processor itself delay nobody else by two seconds", async () => {
    expect(await longestWaitMs(await broker(), "busy", [slow])).toBeLessThan(2000);
  });
});
