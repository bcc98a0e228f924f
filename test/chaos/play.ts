import type { RabbitmqNode } from "../support/rabbitmq.ts";
import { until, within } from "../support/wait.ts";
import type { Book } from "./book.ts";
import { auditor, castOf, senderKinds } from "./cast.ts";
import { placesOf, repeatsIn } from "./durable-judge.ts";
import type { Fault } from "./faults.ts";
import { judge, type Verdict } from "./judge.ts";
import { type DumpedLog, readLog, writeLines } from "./log-dump.ts";
import type { Reader } from "./reader.ts";
import { type Planned, scheduleOf } from "./schedule.ts";
import { Senders } from "./senders.ts";
import { type ManagerName, Stage } from "./stage.ts";

/** A run is over when no reader has got anything for this long, in milliseconds. */
const quietMs = 3000;
const settleMsMax = 90_000;
const eventsShown = 30;
const dumpMsMax = 60_000;

export interface Played {
  readonly verdict: Verdict;
  readonly sent: number;
  readonly receipts: number;
  /** The names of the faults that were played. */
  readonly played: readonly string[];
  /** Details for debugging; empty without findings. */
  readonly report: string;
}

/** Plays one run on a vhost of its own. */
export async function play(
  node: RabbitmqNode,
  seed: number,
  durationMs: number,
  faults: readonly Fault[],
): Promise<Played> {
  await using stage = await Stage.start(node);
  await stage.ready();
  const startedAt = performance.now();
  const senders = new Senders(senderKinds, (manager) => stage.urlOf(manager as ManagerName));
  const { readers, moods } = castOf(stage, seed, startedAt);
  const everybody: Reader[] = [...readers];
  const troubles: string[] = [];
  try {
    await Promise.all([senders.opened, ...readers.map(({ subscribed }) => subscribed)]);
    senders.start();
    const diary: string[] = [];
    await playFaults(stage, scheduleOf(seed, durationMs, faults), startedAt, durationMs, diary, troubles);
    await Promise.all(moods.map((mood) => mood.end()));
    senders.stop();
    await stage.ready().catch(async (error: unknown) => {
      throw new Error([String(error), ...diary, stage.proxy.describe(), await stage.report()].join("\n"));
    });
    const hasAllReceipts = await senders.lastOnes();
    await until(hasAllReceipts, "the last messages to have their receipts", settleMsMax).catch(
      (error: unknown) => troubles.push(String(error)),
    );
    await settled(everybody);
    const log = await within(readLog(stage.url), "all that is in the log", dumpMsMax);
    const auditors = [0, 1].map((turn) => auditor(stage, turn, startedAt));
    everybody.push(...auditors);
    const end = lastPlaceOf(log);
    // On a busy machine nothing may come for seconds, long before the log's end.
    const haveReadAll = () => auditors.every(({ seen }) => (seen.at(-1)?.place ?? -1) >= end);
    await until(haveReadAll, "both auditors have read all of the log", settleMsMax).catch((error: unknown) =>
      troubles.push(String(error)),
    );
    await settled(everybody);
    const book = await bookOf(stage, senders, everybody, log);
    const verdict = judge(book);
    for (const trouble of troubles) verdict.findings.fault("the run", trouble);
    const report = verdict.findings.isClean
      ? ""
      : [
          await reportOf(stage, verdict, everybody, diary, startedAt),
          `all that is in the log: ${await writeLines("log", seed, log.lines)}`,
          `all that the processes have logged: ${await writeLines("processes", seed, stage.logged())}`,
        ].join("\n");
    return {
      verdict,
      sent: senders.sent,
      receipts: senders.receipts.length,
      played: diary.map((line) => line.replace(/^.*: /, "")),
      report,
    };
  } finally {
    senders.close();
    await Promise.all(moods.map((mood) => mood.end()));
    await Promise.all(everybody.map((reader) => reader.close()));
  }
}

/** Each fault begins when it is due, whether others are over or not. Resolves when all are. */
async function playFaults(
  stage: Stage,
  planned: readonly Planned[],
  startedAt: number,
  durationMs: number,
  diary: string[],
  troubles: string[],
): Promise<void> {
  const playing: Promise<void>[] = [];
  for (const { at, fault, lastsMs } of planned) {
    const wait = startedAt + at - performance.now();
    if (wait > 0) await Bun.sleep(wait);
    diary.push(`${((performance.now() - startedAt) / 1000).toFixed(2)} s: ${fault.name}`);
    playing.push(
      playOne(stage, fault, lastsMs).catch((error: unknown) => {
        troubles.push(`${fault.name} could not be played: ${String(error)}`);
      }),
    );
  }
  const left = startedAt + durationMs - performance.now();
  if (left > 0) await Bun.sleep(left);
  await Promise.all(playing);
}

async function playOne(stage: Stage, fault: Fault, lastsMs: number): Promise<void> {
  const from = performance.now();
  await fault.play(stage, lastsMs);
  if (fault.shakesProcessors) stage.processorLosses.push({ from, to: performance.now() });
}

/** Waits until all clients are connected and nothing comes any more. */
async function settled(readers: readonly Reader[]): Promise<void> {
  const giveUpAt = performance.now() + settleMsMax;
  let before = -1;
  let since = performance.now();
  while (performance.now() < giveUpAt) {
    const count = readers.reduce((sum, { seen }) => sum + seen.length, 0);
    if (count !== before || !readers.every(({ isOpen }) => isOpen)) since = performance.now();
    before = count;
    if (performance.now() - since > quietMs) return;
    await Bun.sleep(100);
  }
}

/** The place of the last message that a durable reader gets; -1 if there is none. */
function lastPlaceOf({ recorded }: DumpedLog): number {
  const log = new Map(recorded.map((one) => [one.place, one]));
  const repeats = repeatsIn([log]);
  return placesOf(log).findLast((place) => !repeats.has(log.get(place)!)) ?? -1;
}

async function bookOf(
  stage: Stage,
  senders: Senders,
  views: readonly Reader[],
  { recorded }: DumpedLog,
): Promise<Book> {
  return {
    topicOf: (sender) => senders.topicOf(sender),
    managerOf: (sender) => senders.managerOf(sender),
    sentAt: (sender, number) => senders.sentAt(sender, number),
    receipts: senders.receipts,
    views,
    lastLog: recorded,
    dead: await stage.dead(),
    logLosses: stage.logLosses,
    groupLosses: stage.groupLosses,
    deadLosses: stage.deadLosses,
    bindingLosses: stage.bindingLosses,
    processorLosses: stage.processorLosses,
    unaware: stage.unaware,
  };
}

async function reportOf(
  stage: Stage,
  { findings }: Verdict,
  readers: readonly Reader[],
  diary: readonly string[],
  startedAt: number,
): Promise<string> {
  const began = new Date(performance.timeOrigin + startedAt).toISOString();
  const lines = [`faults, from ${began}, which is ${Math.round(startedAt)} ms in what was found:`];
  lines.push(...diary.map((line) => `  ${line}`), ...stage.lost(), "found:");
  for (const { kind, who, what } of findings.shown) lines.push(`  ${kind}: ${who}: ${what}`);
  const concerned = new Set(findings.shown.map(({ who }) => who));
  for (const reader of readers.filter(({ name }) => concerned.has(name))) {
    lines.push(`the last events of ${reader.name} (${reader.listening.how}, ${reader.listening.topic}):`);
    lines.push(...reader.events.slice(-eventsShown).map((event) => `  ${event}`));
  }
  lines.push(await stage.report());
  return lines.join("\n");
}
