import { defaultOutboxLimits } from "../../src/outbox/limits.ts";
import type { RabbitmqNode } from "../support/rabbitmq.ts";
import { until, WaitedInVain } from "../support/wait.ts";
import type { MessageKey, Reordering, Sightings } from "./ledger.ts";
import type { Load } from "./load.ts";
import type { Row } from "./row.ts";
import type { Scenario } from "./scenario.ts";
import { World } from "./world.ts";

/** The load runs this long after the fault is over, in milliseconds. */
const afterwardsMs = 2000;
/** A wait is given up when nothing has arrived for this long. */
const settleMs = 20_000;

const resumeMsMax = 5000;

export interface Played {
  readonly row: Row;
  /** The promises that did not hold. */
  readonly failures: readonly string[];
  /** Whether only bounds of time did not hold, which a busy machine may break. */
  readonly isLate: boolean;
}

/** Thrown if the fault's effect did not come in time, and until then nothing had come twice or out of order. */
export class FaultTooLate extends Error {}

/** Plays one scenario on a vhost of its own. */
export async function play(scenario: Scenario, nodes: readonly RabbitmqNode[]): Promise<Played> {
  await using world = await World.start(nodes, scenario.setting ?? {});
  const { load, dead, witness } = world;
  await world.warmUp();
  try {
    await scenario.fault(world);
  } catch (error) {
    const report = await world.report();
    await scenario.tidyUp?.(world);
    const isLate = isAboutTime(error) && !isHarmed(scenario, world);
    throw new (isLate ? FaultTooLate : Error)(`${String(error)}\n${report}`, { cause: error });
  }
  await Bun.sleep(afterwardsMs);
  load.stop();
  if (scenario.safe === "receipted") await allConfirmed(world);
  const expected = await whatMustNotBeLost(scenario, world);
  const sawAll = ({ answered, relayed }: Saw, key: MessageKey) =>
    (answered.has(key) || dead.has(key)) && relayed.has(key);
  const isSeen = (key: MessageKey) =>
    listenersOf(scenario, world).every((saw) => (saw === witness && scenario.isLogLost) || sawAll(saw, key));
  const missing = () => expected().filter((key) => !isSeen(key));
  await settled(missing, world);
  await world.manager.look();
  const failures = [...((await scenario.check?.(world)) ?? [])];
  const [{ relayed, answered }] = listenersOf(scenario, world) as [Saw];
  const { messagesReordered, answersReordered } = reorderedIn(scenario, world);
  const { relayedTwiceMax, answeredTwiceMax } = repeatsMax(scenario, world);
  const durablyTwice = twiceIn(witness);
  const row: Row = {
    scenario: scenario.name,
    sent: load.sent,
    confirmed: world.manager.confirmed,
    processed: answered.count,
    delivered: relayed.count,
    deadLettered: dead.count,
    lost: missing().length,
    duplicated: listenersOf(scenario, world).reduce((sum, saw) => sum + twiceIn(saw), 0),
    duplicatedMax: relayedTwiceMax + answeredTwiceMax,
    reordered: messagesReordered + answersReordered,
    longestOutageMs: load.longestOutageMs,
    resumedMs: load.resumedMs,
    figures: world.figures.join("; "),
  };
  if (scenario.safe === "receipted" && load.receipted.count === 0) failures.push("no receipt came");
  if (row.lost > 0) failures.push(`lost ${row.lost}: ${some(missing())}; ${whoMissed(missing(), world)}`);
  if (row.reordered > 0)
    failures.push(
      `reordered ${messagesReordered} relayed, ${answersReordered} answers: ` +
        [...relayed.reorderings, ...answered.reorderings].map((each) => storyOf(each, load)).join(", "),
    );
  if (relayed.duplicated > relayedTwiceMax)
    failures.push(`${relayed.duplicated} relayed twice, of at most ${relayedTwiceMax}`);
  if (answered.duplicated > answeredTwiceMax)
    failures.push(`${answered.duplicated} answered twice, of at most ${answeredTwiceMax}`);
  if (durablyTwice > 0) failures.push(`durable: ${durablyTwice} came twice: ${twiceShown(witness)}`);
  failures.push(...witness.faults.slice(0, 10).map((fault) => `durable: ${fault}`));
  if (witness.gaps > 0 && !scenario.isLogLost) failures.push(`durable: told of ${witness.gaps} gaps`);
  // A connection that was given up late, such as the events' of a manager that was taken for dead, may still be on its way back.
  await until(() => saidOnce(world).length === 0, "all connections are back", 20_000).catch(() => undefined);
  failures.push(...saidOnce(world));
  if (load.hasMark && row.resumedMs === undefined) failures.push("did not resume");
  load.close();
  witness.close();
  if (!scenario.isLogLost)
    failures.push(...(await world.events.findings()).slice(0, 10).map((finding) => `events: ${finding}`));
  // All else has been asked by now.
  const resumedLate = (row.resumedMs ?? 0) > resumeMsMax;
  const isLate = resumedLate && failures.length === 0;
  if (resumedLate) failures.push(`resumed after ${Math.round(row.resumedMs!)} ms`);
  if (failures.length > 0) failures.push(await world.report());
  await scenario.tidyUp?.(world);
  return { row, failures, isLate };
}

/** The listeners that are judged. */
function listenersOf({ isDurableAlone }: Scenario, { load, witness }: World): readonly Saw[] {
  return isDurableAlone ? [witness] : [load, witness];
}

function reorderedIn(scenario: Scenario, world: World) {
  let messagesReordered = 0;
  let answersReordered = 0;
  for (const { relayed, answered } of listenersOf(scenario, world)) {
    messagesReordered += relayed.reordered;
    if (!scenario.answersInAnyOrder) answersReordered += answered.reordered;
  }
  return { messagesReordered, answersReordered };
}

/** The history of a message that is out of order, and of the later message that came before it. */
function storyOf({ client, number, at, after, afterAt }: Reordering, { sendings }: Load): string {
  const one = sendings.describe({ client, number });
  const other = sendings.describe({ client, number: after });
  return `${client}:${number} (${at}: ${one}) after ${after} (${afterAt}: ${other})`;
}

/** Whether something came out of order, or twice although it must not. */
function isHarmed(scenario: Scenario, world: World): boolean {
  const [{ relayed, answered }] = listenersOf(scenario, world) as [Saw];
  const { relayedTwiceMax, answeredTwiceMax } = repeatsMax(scenario, world);
  const { messagesReordered, answersReordered } = reorderedIn(scenario, world);
  return (
    messagesReordered + answersReordered > 0 ||
    relayed.duplicated > relayedTwiceMax ||
    answered.duplicated > answeredTwiceMax ||
    twiceIn(world.witness) > 0 ||
    world.witness.faults.length > 0
  );
}

/**
 * Within one log nothing comes twice to a durable subscription: each handler here is a function of its message. Of a new log, of which it
 * is told by a gap, it gets everything, and so again what was in the old one, too: its sightings begin anew there.
 */
function twiceIn({ relayed, answered }: Saw): number {
  return relayed.duplicated + answered.duplicated;
}

function twiceShown({ relayed, answered }: Saw): string {
  return [...relayed.repeats, ...answered.repeats.map((repeat) => `the answer to ${repeat}`)].join(", ");
}

/**
 * What may come twice to live listeners. A manager publishes again what was unconfirmed when it lost its connection: it counts that, and it is
 * never more than its window. What comes twice is answered twice; and so is what a processor had not acknowledged when
 * it was lost. Its answers to that may have been stored already; if it lives on it publishes them again besides. Followers drop all of
 * that where they remember the ids: so none came twice in a whole run, and the bound, which counts a pack as one, is far away.
 */
function repeatsMax({ deaths }: Scenario, { manager, setting: { prefetch } }: World) {
  const { managerConnections = 0, processorConnections = 0, processors = 0 } = deaths ?? {};
  const { packedWindowMax } = defaultOutboxLimits;
  const relayedTwiceMax = Math.min(manager.repeated, managerConnections * packedWindowMax);
  const answeredTwiceMax = relayedTwiceMax + (2 * processorConnections + processors) * prefetch;
  return { relayedTwiceMax, answeredTwiceMax };
}

/** The log has one line for the loss of RabbitMQ, and one for its return. */
function saidOnce({ managers, processors }: World): string[] {
  return [...managers, ...processors].flatMap(({ name, starts, log }) => {
    const count = (text: RegExp) =>
      log.filter(({ level, msg }) => level !== "debug" && text.test(msg)).length;
    const [lost, back] = [count(/^broker (lost|not reachable)/), count(/^broker is back/)];
    // A process that was killed had no time to log it.
    return starts > 1 || lost === back
      ? []
      : [`${name} said ${lost} times that RabbitMQ went, ${back} that it came`];
  });
}

/** Judges the view of a live or durable listener. */
type Saw = Pick<World["witness"], "answered" | "relayed">;

async function whatMustNotBeLost(
  { safe = "sent" }: Scenario,
  { load, probe }: World,
): Promise<() => MessageKey[]> {
  if (safe === "sent") return () => [...load.sentKeys()];
  if (safe === "accepted") return () => [...load.accepted.keys()];
  if (safe === "receipted") return () => [...load.receipted.keys()];
  if (probe === undefined) throw new Error("a scenario that counts what reached RabbitMQ needs a probe");
  const keys = await probe.take();
  return () => keys;
}

/** Until the manager has nothing left, and so no receipt is to come any more, and both managers are whole again. */
async function allConfirmed({ manager, managers }: World): Promise<void> {
  const isEmpty = async () => {
    await manager.look();
    return manager.metric("warren_published_total") > 0 && manager.metric("warren_outbox_bytes") === 0;
  };
  await until(isEmpty, "all receipts to be sent", settleMs * 3);
  for (const each of managers) await (await each.running()).waitUntilReady(30_000);
}

/** Waits until nothing is missing, or nothing moves any more. */
async function settled(missing: () => MessageKey[], world: World): Promise<void> {
  let before = "";
  let giveUpAt = performance.now() + settleMs;
  for (;;) {
    await world.collectDead();
    const left = missing().length;
    if (left === 0) return;
    // There may be much ahead of what is missing: in the manager, in the processors' queue, in the log.
    const state = `${left} ${world.manager.confirmed} ${await world.backlog()} ${await world.sentSteps()}`;
    if (state !== before) giveUpAt = performance.now() + settleMs;
    else if (performance.now() > giveUpAt) return;
    before = state;
    await Bun.sleep(200);
  }
}

function some(keys: readonly MessageKey[]): string {
  const shown = keys.slice(0, 10).map(({ client, number }) => `${client}:${number}`);
  return shown.join(", ") + (keys.length > shown.length ? ", …" : "");
}

/** Which listeners did not get them, and the story of the first one. */
function whoMissed(keys: readonly MessageKey[], { load, witness, dead }: World): string {
  const without = (got: Pick<Sightings, "has">) => keys.filter((key) => !got.has(key)).length;
  const answered = (got: Pick<Sightings, "has">) => ({
    has: (key: MessageKey) => got.has(key) || dead.has(key),
  });
  return [
    `${without(load.relayed)} not relayed to live listeners, who reconnected ${load.reconnects} times`,
    `${without(answered(load.answered))} not answered to them`,
    `${without(witness.relayed)} not relayed and ${without(answered(witness.answered))} not answered to the durable one`,
    load.sendings.describe(keys[0]!),
  ].join("; ");
}

/** Also one that was caused by such a wait, as where RabbitMQ itself takes long to start. */
function isAboutTime(error: unknown): boolean {
  if (error instanceof WaitedInVain) return true;
  return error instanceof Error && error.cause !== undefined && isAboutTime(error.cause);
}
