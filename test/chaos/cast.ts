import type { Listening } from "./listening.ts";
import type { Mood } from "./moods.ts";
import { Moods } from "./moods.ts";
import { Reader } from "./reader.ts";
import type { SenderKind } from "./senders.ts";
import { managers, type Stage } from "./stage.ts";

/** The senders: 200 messages a second with receipts, and 60 large ones, over both managers. */
export const senderKinds: readonly SenderKind[] = managers.flatMap((manager) => [
  ...[0, 1, 2].map((index) => ({
    name: `s${manager}${index}`,
    topic: `chaos.small.${manager}${index}`,
    manager,
    hasReceipts: true,
    perSecond: 33,
  })),
  { name: `p${manager}`, topic: `chaos.large.${manager}`, manager, hasReceipts: false, perSecond: 30 },
]);

const all = "chaos.#";
const small = "chaos.small.#";

/** The readers: how and what each reads, and how it behaves. Every second one begins at the other manager. */
const roles: readonly (readonly [name: string, how: Listening["how"], topic: string, mood: Mood])[] = [
  ["steady", "durable", all, "steady"],
  ["steady", "durable", all, "steady"],
  ["wanderer", "durable", all, "wandering"],
  ["wanderer", "durable", small, "wandering"],
  ["wanderer", "durable", "chaos.small.a1", "wandering"],
  ["slow", "durable", all, "slow"],
  ["slow", "durable", all, "slow"],
  ["slow", "durable", small, "slow"],
  ["slow", "durable", small, "slow"],
  ["held", "durable", all, "held"],
  ["held", "durable", all, "held"],
  ["held", "durable", small, "held"],
  ["sleeper", "durable", all, "sleeping"],
  ["sleeper", "durable", small, "sleeping"],
  ["sleeper", "durable", small, "sleeping"],
  ["leaver", "durable", small, "leaving"],
  ["leaver", "durable", small, "leaving"],
  ["steady live", "live", small, "steady"],
  ["steady live", "live", small, "steady"],
  ["slow live", "live", all, "slow"],
  ["slow live", "live", all, "slow"],
  ["held live", "live", all, "held"],
  ["leaver live", "live", small, "leaving"],
  ["plain", "text", "chaos.small.a0", "steady"],
  ["plain", "text", "chaos.small.a0", "steady"],
  ["slow plain", "text", "chaos.large.a", "slow"],
  ["slow plain", "text", "chaos.large.b", "slow"],
  ["held plain", "text", "chaos.large.a", "held"],
];

export interface Cast {
  readonly readers: readonly Reader[];
  readonly moods: readonly Moods[];
}

export function castOf(stage: Stage, seed: number, startedAt: number): Cast {
  const addresses = managers.map((name) => ({ name, url: stage.urlOf(name) }));
  const readers = roles.map(
    ([name, how, topic], index) =>
      new Reader(`${name} ${index}`, { how, topic }, addresses, index, startedAt),
  );
  const moods = readers.map((reader, index) => new Moods(reader, roles[index]![3], seed * 1000 + index));
  return { readers, moods };
}

/** Reads the whole log, over one manager. */
export function auditor(stage: Stage, turn: number, startedAt: number): Reader {
  const name = managers[turn]!;
  return new Reader(
    `auditor ${turn}`,
    { how: "durable", topic: all, isFromFirst: true },
    [{ name, url: stage.urlOf(name) }],
    0,
    startedAt,
  );
}
