import { DurableMember } from "./flock/durable-member.ts";
import { EventsMember } from "./flock/events-member.ts";
import type { Member, Tally } from "./flock/member.ts";
import { TextMember } from "./flock/text-member.ts";
import type { FlockOrder, FlockPlan, FlockState } from "./flock.ts";

/** The process of a flock: its plan is its argument, as JSON, and its parent hears of it by messages between processes. */
const plan = JSON.parse(process.argv[2]!) as FlockPlan;

/** How many connections are opened at the same time. */
const atOnce = 200;
const tellEveryMs = 200;
/** How often one of its clients sends a message to all of them. */
const chatterEveryMs = 2000;

const kinds = { text: TextMember, durable: DurableMember, events: EventsMember } as const;
const tally: Tally = { open: 0, closes: {}, received: 0, faults: [] };
const members: Member[] = Array.from({ length: plan.size }, (_, n) => new kinds[plan.kind](plan, n, tally));

function state(): FlockState {
  let least = Number.POSITIVE_INFINITY;
  for (const { received } of members) least = Math.min(least, received);
  return { ...tally, least };
}

process.on("message", (order: FlockOrder) => {
  if (order.say === undefined) return;
  members.find(({ isOpen }) => isOpen)?.say(order.say);
});

const waiting = members.values();
const openInTurn = async () => {
  for (const member of waiting) await member.open();
};
setInterval(() => process.send!(state()), tellEveryMs);
await Promise.all(Array.from({ length: atOnce }, openInTurn));
if (plan.kind === "text")
  setInterval(() => members.find(({ isOpen }) => isOpen)?.say("chatter"), chatterEveryMs);
