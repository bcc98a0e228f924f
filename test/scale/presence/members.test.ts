import { expect, test } from "bun:test";
import type { Attendee } from "../../../src/events/attendance.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { Members } from "../../../src/presence/members.ts";
import { until } from "../../support/wait.ts";
import { ClientsByTurns } from "../../unit/doubles/clients-by-turns.ts";
import { turn } from "../../unit/doubles/turn.ts";

/** A client of which it takes a while to tell what it subscribes to, as it does where it has many subscriptions. */
class PlayedClient implements Attendee {
  readonly protocol = "stomp";
  readonly seat = { address: undefined, connection: 1 };
  readonly subscribed = new Set<string>();
  readonly id: string;
  /** Whether it was looked at. */
  wasAsked = false;

  constructor(id: string, ...topics: string[]) {
    this.id = id;
    for (const topic of topics) this.subscribed.add(topic);
  }

  topics(): Iterable<string> {
    this.wasAsked = true;
    const untilMs = performance.now() + 0.2;
    while (performance.now() < untilMs);
    return this.subscribed;
  }
}

function membersOf(count: number) {
  const clients = new ClientsByTurns(
    Array.from(
      { length: count },
      (_, index) => new PlayedClient(`${index}`, ...(index % 2 === 0 ? ["t"] : [])),
    ),
  );
  const scan = clients.scan.bind(clients);
  let scans = 0;
  clients.scan = (...args) => {
    scans++;
    return scan(...args);
  };
  const known: string[] = [];
  const hooks = {
    nameOf: () => undefined,
    onChanged: () => undefined,
    onKnown: (topics: readonly string[]) => void known.push(...topics),
  };
  const members = new Members(clients, hooks, 0);
  return { clients, known, members, scanCount: () => scans };
}

test("a topic whose members are known, or are being searched for, is not searched for again when another manager asks", async () => {
  const { known, members, scanCount } = membersOf(100);
  expect(members.watch("t", "m")).toBe(false);
  await until(() => scanCount() === 1, "the search to begin");
  expect(members.watch("t", "n")).toBe(false);
  await until(() => known.length > 0, "its members are known");
  expect(members.watch("t", "o")).toBe(true);
  await turn();
  expect(known).toEqual(["t"]);
  expect(scanCount()).toBe(1);
  members.close();
});

test("very many clients are looked at in several turns, in which they may come, go, subscribe and unsubscribe", async () => {
  const { clients, known, members } = membersOf(400);
  const all = [...clients];
  members.watch("t", "m");
  let turns = 0;
  for (; known.length === 0; turns++) {
    await turn();
    // One from the front and one from the back: one that was seen, most likely, and one that was not.
    for (const client of [all[4 * turns]!, all[399 - 4 * turns]!]) {
      if (client === undefined || !clients.has(client)) continue;
      if (client.subscribed.delete("t")) members.unsubscribed(client, "t");
      else {
        client.subscribed.add("t");
        members.subscribed(client, "t");
      }
    }
    for (const client of [all[4 * turns + 2]!, all[399 - 4 * turns - 2]!]) {
      if (client === undefined || !clients.delete(client)) continue;
      members.disconnected(client);
    }
    const late = new PlayedClient(`late-${turns}`, "t");
    members.subscribed(late, "t");
    clients.add(late);
  }
  expect(turns).toBeGreaterThan(5);
  const truth = [...clients].filter(({ subscribed }) => subscribed.has("t")).map(({ id }) => id);
  expect([...members.of("t")!].sort()).toEqual(truth.sort());
  members.close();
});

test("a topic that is asked for while clients are looked at, or whose clients get other names, is known in the end", async () => {
  const { clients, known, members } = membersOf(100);
  members.watch("t", "m");
  await turn();
  for (const client of clients) client.subscribed.add("u");
  members.watch("u", "m");
  members.renamed();
  await until(() => known.includes("t") && known.includes("u"), "both are known");
  expect([...members.of("t")!]).toHaveLength(50);
  expect([...members.of("u")!]).toHaveLength(100);
  members.close();
});

test("a topic that is left and watched again while clients are looked at is not called known before it is", async () => {
  const { clients, known, members } = membersOf(100);
  const [first] = clients;
  members.watch("t", "m");
  members.watch("u", "m");
  while (!first!.wasAsked) await turn();
  expect(known).toEqual([]);
  members.unwatch("t", "m");
  members.watch("t", "m");
  await until(() => known.includes("u"), "the other one is known");
  expect(known).toEqual(["u"]);
  await until(() => known.includes("t"), "it is known, too");
  expect([...members.of("t")!]).toHaveLength(50);
  members.close();
});

/** A client without an id, which has the name of its manager's first or second time. To tell what it subscribes to takes ten microseconds. */
class NamelessClient implements Attendee {
  readonly protocol = "stomp";
  readonly seat = { address: undefined, connection: 0 };
  readonly id = undefined;
  readonly subscribed: string[] = [];
  readonly #clock: { ms: number };

  constructor(connection: number, clock: { ms: number }) {
    this.seat.connection = connection;
    this.#clock = clock;
  }

  topics(): Iterable<string> {
    this.#clock.ms += 0.01;
    return this.subscribed;
  }
}

/** Very many clients without an id, all on one topic whose members are known, and a clock that nothing but scans moves. */
async function namelessMembers(count: number) {
  const clock = { ms: 0 };
  const time = { name: "first" };
  class Clients extends ClientsByTurns<NamelessClient> {
    override readonly loop = new LoopTime(() => clock.ms);
  }
  const all = Array.from({ length: count }, (_, index) => new NamelessClient(index + 1, clock));
  for (const client of all) client.subscribed.push("t", "t");
  const clients = new Clients(all);
  let isKnown = false;
  const nameOf = ({ seat }: Attendee) => `${time.name}-${seat.connection}`;
  const onKnown = () => {
    isKnown = true;
  };
  const members = new Members(clients, { nameOf, onChanged: () => undefined, onKnown }, 0);
  members.watch("t", "m");
  await until(() => isKnown, "the members are known");
  const namesNow = () => [...members.of("t")!];
  const isRenamed = () => namesNow().every((name) => name.startsWith(`${time.name}-`));
  return { all, clients, clock, members, namesNow, isRenamed, time };
}

test("very many clients get other names in several turns of the event loop, and each change is told", async () => {
  const { clock, members, namesNow, isRenamed, time } = await namelessMembers(10_000);
  time.name = "second";
  let beganMs = clock.ms;
  members.renamed();
  expect(clock.ms - beganMs).toBeLessThanOrEqual(5.5);
  for (let turns = 0; !isRenamed(); turns++) {
    expect(turns).toBeLessThan(100);
    beganMs = clock.ms;
    await turn();
    expect(clock.ms - beganMs).toBeLessThanOrEqual(5.5);
  }
  expect(namesNow()).toHaveLength(10_000);
  const [changes] = members.takeChanges();
  const names = namesNow().sort();
  expect(changes!.joined.sort()).toEqual(names);
  expect(changes!.left.sort()).toEqual(names.map((name) => name.replace("second", "first")));
  members.close();
});

test("clients may come, go, subscribe and unsubscribe while they get other names", async () => {
  const { all, clients, clock, members, namesNow, isRenamed, time } = await namelessMembers(3000);
  time.name = "second";
  members.renamed();
  for (let turns = 0; !isRenamed(); turns++) {
    expect(turns).toBeLessThan(100);
    await turn();
    // One from the front and one from the back, of each kind: one that has its new name, most likely, and one that has not.
    for (const client of [all[4 * turns]!, all.at(-1 - 4 * turns)!]) {
      client.subscribed.length = 0;
      members.unsubscribed(client, "t");
      members.unsubscribed(client, "t");
    }
    for (const client of [all[4 * turns + 1]!, all.at(-2 - 4 * turns)!]) {
      members.disconnected(client);
      clients.delete(client);
    }
    const late = new NamelessClient(10_000 + turns, clock);
    late.subscribed.push("t");
    clients.add(late);
    members.subscribed(late, "t");
  }
  const there = [...clients].filter(({ subscribed }) => subscribed.length > 0);
  expect(namesNow().sort()).toEqual(there.map(({ seat }) => `second-${seat.connection}`).sort());
  members.close();
});

test("a client that goes while nobody watches any topic does not come back with its new name", async () => {
  const { all, clients, members, namesNow, time } = await namelessMembers(3000);
  const gone = all.at(-1)!;
  time.name = "second";
  members.renamed();
  members.unwatch("t", "m");
  members.disconnected(gone);
  clients.delete(gone);
  members.watch("t", "m");
  await until(() => members.of("t") !== undefined, "the members are known again");
  await turn();
  expect(namesNow()).toHaveLength(2999);
  members.close();
});
