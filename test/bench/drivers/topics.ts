/**
 * `bun topics.ts URL PID TOPICS RATE SECONDS`: 10 subscribers and a pattern on each of so many topics, messages to all of them
 * in turn, and what a delivery cost the manager PID. Prints JSON.
 */
import { cpuSeconds } from "../systems/usage.ts";
import { FrameClient, openAll } from "./frame-client.ts";

const [url, pid, topics, rate, seconds] = process.argv.slice(2) as [string, string, string, string, string];

/** A client may have 100 subscriptions: topics come in groups, and ten clients have all of a group. */
const topicsInGroup = 100;
const subscribersOfTopic = 10;

const groups = Math.ceil(Number(topics) / topicsInGroup);
const inGroup = Math.min(Number(topics), topicsInGroup);
let delivered = 0;
const base = {
  url: new URL(url),
  message() {
    delivered++;
  },
};
const destination = (group: number, topic: number) => `/topic/bench.${group}.${topic}`;

const clients: FrameClient[] = [];
for (let group = 0; group < groups; group++) {
  // As @stomp/stompjs numbers them.
  const subscriptions = Array.from({ length: inGroup }, (_, topic) => [
    ["id", `sub-${topic}`] as const,
    ["destination", destination(group, topic)] as const,
  ]);
  for (let i = 0; i < subscribersOfTopic; i++) clients.push(new FrameClient({ ...base, subscriptions }));
  const pattern = [["id", "sub-0"] as const, ["destination", `/topic/bench.${group}.*`] as const];
  clients.push(new FrameClient({ ...base, subscriptions: [pattern] }));
}
// The same number of clients in both cases.
const crowd = 100 * (subscribersOfTopic + 1);
while (clients.length < crowd) clients.push(new FrameClient({ ...base, subscriptions: [] }));
const sender = new FrameClient({ ...base, subscriptions: [] });
await openAll([...clients, sender]);

let sent = 0;
/** Sends the messages that are due by then, to the topics in turn. */
async function send(durationMs: number): Promise<void> {
  const startMs = performance.now();
  const before = sent;
  for (;;) {
    const elapsedMs = Math.min(durationMs, performance.now() - startMs);
    const due = before + Math.floor((elapsedMs / 1000) * Number(rate));
    for (; sent < due; sent++) {
      // A stride that is coprime to the numbers of topics, so that consecutive messages are far apart in memory.
      const topic = (sent * 7919) % (groups * inGroup);
      sender.send(
        [["destination", destination(Math.floor(topic / inGroup), topic % inGroup)]],
        "x".repeat(64),
      );
    }
    if (elapsedMs === durationMs) return;
    await Bun.sleep(1);
  }
}

async function settle(expected: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (delivered < expected && performance.now() < deadline) await Bun.sleep(5);
  await Bun.sleep(100);
  if (delivered !== expected) throw new Error(`${delivered} of ${expected} deliveries`);
}

// Enough messages that the route of each topic is cached.
await send(Math.max(1000, (Number(topics) / Number(rate)) * 1000));
await settle(sent * (subscribersOfTopic + 1));
const before = { cpu: cpuSeconds(Number(pid)), delivered };
await send(Number(seconds) * 1000);
await settle(sent * (subscribersOfTopic + 1));
const micros = ((cpuSeconds(Number(pid)) - before.cpu) * 1e6) / (delivered - before.delivered);
process.stdout.write(`${JSON.stringify({ micros })}\n`);
process.exit();
