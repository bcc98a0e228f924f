/**
 * `bun idle-clients.ts URL CLIENTS text|stomp`: opens so many WebSockets, with STOMP each with a subscription, says how many
 * are open, and keeps them until it is killed.
 */
import { Fleet } from "../../src/bench/fleet.ts";
import { Inbox } from "../../src/bench/inbox.ts";
import { makeRunId, Plan } from "../../src/bench/plan.ts";
import { Returns } from "../../src/bench/returns.ts";

const [url, clients, protocol] = process.argv.slice(2);
const plan = new Plan(
  {
    url: [url!],
    clients: Number(clients) - 1,
    publishers: 1,
    rate: 1,
    size: 64,
    durationMs: 1000,
    json: true,
    protocol: protocol === "stomp" ? "stomp" : "text",
    receipts: false,
    durable: false,
    reconnectEveryMs: undefined,
    stay: false,
  },
  makeRunId(),
);
const fleet = new Fleet(plan, new Inbox(plan, new Uint32Array(1)), new Returns(() => 0), () => undefined);
await fleet.open(new AbortController().signal);
process.stdout.write(`${fleet.connected} ${[...fleet.reasons.keys()].join(", ")}\n`);
setInterval(() => undefined, 60_000);
