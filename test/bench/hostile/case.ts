import { existsSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import type { Result } from "../../../src/bench/result.ts";
import { atMost, type Goal, ratio } from "../goals.ts";
import { type Figures, inRounds, seriesOf, type Turns } from "../rounds.ts";
import { median } from "../samples.ts";
import type { Measure, Setting } from "../setting.ts";
import { type Contender, type System, withSystem } from "../systems/contender.ts";
import { Program } from "../systems/program.ts";
import { damageOf } from "../verdict.ts";

/** What a case showed. */
export interface Outcome {
  readonly measures: readonly Measure[];
  readonly goals: readonly Goal[];
}

export interface HostileCase {
  readonly name: string;
  readonly what: string;
  run(setting: Setting): Promise<Outcome>;
}

/** The honest clients' results without hostile clients, and with them. */
export interface Comparison {
  readonly calm: Turns;
  readonly attacked: Turns;
}

const attackers = join(import.meta.dir, "attackers.ts");
const p99 = "p99 ms";

/** Starts hostile clients. */
export function attack(system: System, kind: string, count: number): Promise<Program> {
  return Program.start(attackers, [system.url, kind, `${count}`], true);
}

/**
 * Gives a program that leads a session only the processor time that nobody else wants. Linux divides the time among sessions first
 * (sched(7), autogroups), and a process's priority counts only within its session.
 */
function givePlaceToOthers({ pid }: Program): void {
  setPriority(pid, constants.priority.PRIORITY_LOW);
  const session = `/proc/${pid}/autogroup`;
  if (existsSync(session)) writeFileSync(session, `${constants.priority.PRIORITY_LOW}`);
}

/**
 * Hostile clients of a kind, until `use` has ended. They have machines of their own in real life: here they get the processor
 * time that nobody else wants, so that what is seen is what they cost the manager.
 */
export async function besides<T>(
  system: System,
  kind: string,
  count: number,
  use: () => Promise<T>,
): Promise<T> {
  const program = await attack(system, kind, count);
  try {
    givePlaceToOthers(program);
    return await use();
  } finally {
    await program.kill();
  }
}

/**
 * What honest clients wait for: a message behind a full outbox comes late, and is not lost. How late is in the latencies, which go
 * by when a message was due.
 */
export const patienceSeconds = 45;

/** The honest clients' latency. Throws if any of them lost a message or its connection. */
export function honest({ clients, relayed }: Result): Figures {
  if (clients.failed > 0) throw new Error(`${clients.failed} honest clients did not connect`);
  if (clients.closed > 0) throw new Error(`${clients.closed} honest clients were closed`);
  const damage = damageOf(relayed);
  if (damage !== undefined) throw new Error(`honest clients: ${damage}, after ${patienceSeconds} s`);
  return {
    [p99]: relayed.p99Us! / 1000,
    "p50 ms": relayed.p50Us! / 1000,
    "latest ms": relayed.maxUs! / 1000,
  };
}

/** Takes turns without and with hostile clients, each with a new manager. */
export async function compare(
  setting: Setting,
  name: string,
  contender: Contender,
  turns: {
    readonly calm: readonly [label: string, turn: (system: System) => Promise<Figures>];
    readonly attacked: readonly [label: string, turn: (system: System) => Promise<Figures>];
  },
): Promise<Comparison> {
  const shown = await inRounds(
    setting,
    name,
    new Map(
      [turns.calm, turns.attacked].map(([label, turn]) => [
        label,
        () => withSystem(setting.broker, contender, {}, turn),
      ]),
    ),
  );
  const [calm, attacked] = shown;
  return { calm: calm!, attacked: attacked! };
}

export function latencies(name: string, title: string, { calm, attacked }: Comparison): Measure {
  return {
    name,
    title: `${title}: p99 of honest clients`,
    unit: "ms",
    series: seriesOf([calm, attacked], p99),
  };
}

/** The p99 with hostile clients, divided by the p99 without. If a turn failed, the goal was not reached. */
export function ratioGoal(what: string, most: number, { calm, attacked }: Comparison): Goal {
  const middle = ({ figures }: Turns) => median(figures.map((shown) => shown[p99]!));
  const goal = atMost(`${what}: p99 ÷ without`, most, "×", ratio(middle(attacked), middle(calm)));
  return {
    ...goal,
    value: goal.value ?? Number.NaN,
    isReached: goal.isReached === true && attacked.failures.length === 0,
  };
}
