import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Attendee } from "../../../src/events/attendance.ts";
import { Presence } from "../../../src/presence/presence.ts";
import type { WatchedTopic } from "../../../src/presence/watched-topic.ts";
import { until } from "../../support/wait.ts";
import { ClientsByTurns } from "../doubles/clients-by-turns.ts";
import { rounds } from "../doubles/rounds.ts";

const timing = { gatherMs: 0, scanAheadMs: 0, answerMsMax: 20, lingerMs: 1, resendEveryMs: 0 };
const topics = ["a", "b"];

/** Managers that tell one another what they have to, in order; what is told to one that is cut off is lost. */
class Net {
  readonly managers = new Map<string, PlayedManager>();
  readonly #under: { readonly to: string; readonly said: object }[] = [];

  tell(from: string, said: object, to?: string): void {
    if (this.managers.get(from)?.isOpen !== true) return;
    for (const name of this.managers.keys())
      if (name === (to ?? name)) this.#under.push({ to: name, said: JSON.parse(JSON.stringify(said)) });
  }

  /** So many of what is under way arrive, or none of them. */
  arrive(count = Number.POSITIVE_INFINITY, isLost = false): boolean {
    const some = this.#under.splice(0, count);
    if (!isLost)
      for (const { to, said } of some) {
        const manager = this.managers.get(to);
        if (manager?.isOpen) manager.presence.heard(said);
      }
    return some.length > 0;
  }
}

class PlayedClient implements Attendee {
  readonly protocol = "stomp";
  readonly seat = { address: undefined, connection: 1 };
  readonly subscribed: string[] = [];
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  topics(): Iterable<string> {
    return this.subscribed;
  }
}

class PlayedManager {
  readonly name: string;
  readonly clients = new ClientsByTurns<PlayedClient>();
  readonly presence: Presence;
  readonly views = new Map<string, View>();
  isOpen = true;

  constructor(net: Net, name: string) {
    this.name = name;
    const manager = this;
    const peers = {
      own: name,
      get others() {
        return [...net.managers.keys()].filter((one) => one !== name);
      },
      knows: (one: string) => one !== name && net.managers.has(one),
      get isOpen() {
        return manager.isOpen;
      },
      tellAll: (said: object) => net.tell(name, said),
      tell: (to: string, said: object) => net.tell(name, said, to),
    };
    this.presence = new Presence(peers, this.clients, ({ id }) => id, timing);
    net.managers.set(name, this);
    this.presence.opened();
  }

  watch(topic: string): void {
    if (!this.views.has(topic)) this.views.set(topic, new View(this.presence, topic));
  }

  unwatch(topic: string): void {
    if (this.views.delete(topic)) this.presence.unwatch(topic);
  }

  join(id: string, topic: string): void {
    const client = [...this.clients].find((one) => one.id === id) ?? new PlayedClient(id);
    this.clients.add(client);
    client.subscribed.push(topic);
    this.presence.subscribed(client, topic);
  }

  leave(id: string, topic: string): void {
    const client = [...this.clients].find((one) => one.id === id);
    const index = client?.subscribed.indexOf(topic) ?? -1;
    if (index < 0) return;
    client!.subscribed.splice(index, 1);
    this.presence.unsubscribed(client!, topic);
  }

  disconnect(id: string): void {
    const client = [...this.clients].find((one) => one.id === id);
    if (client === undefined) return;
    this.clients.delete(client);
    this.presence.disconnected(client);
  }

  cut(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.presence.closed();
  }

  open(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    this.presence.opened();
  }
}

/** What a client that watches knows of a topic. It may be told of nobody twice, and of nobody's end who was not there. */
class View {
  readonly known = new Set<string>();
  isReady = false;
  readonly faults: string[] = [];

  constructor(presence: Presence, topic: string) {
    const watched = presence.watch(topic, {
      ready: () => {
        this.isReady = true;
        for (const name of (watched as WatchedTopic).members) this.known.add(name);
      },
      changed: (joined, left) => {
        if (!this.isReady) this.faults.push("told before it is ready");
        for (const name of left) if (!this.known.delete(name)) this.faults.push(`${name} left twice`);
        for (const name of joined) {
          if (this.known.has(name)) this.faults.push(`${name} joined twice`);
          this.known.add(name);
        }
      },
      overfull: () => this.faults.push("overfull"),
    });
  }
}

const who = fc.constantFrom("m0", "m1", "m2");
const topic = fc.constantFrom(...topics);
const id = fc.constantFrom("anna", "ben", "cleo");
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("join" as const), who, topic, id }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("leave" as const), who, topic, id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("disconnect" as const), who, id }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("watch" as const), who, topic }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unwatch" as const), who, topic }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("arrive" as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("turn" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("lose" as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("open" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("die" as const), who }) },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

async function play(net: Net, act: Action): Promise<void> {
  if (act.do === "arrive") net.arrive(act.count);
  else if (act.do === "lose") net.arrive(act.count, true);
  else if (act.do === "turn") await Bun.sleep(1);
  else {
    const manager = net.managers.get(act.who);
    if (manager === undefined) return;
    if (act.do === "join") manager.join(act.id, act.topic);
    else if (act.do === "leave") manager.leave(act.id, act.topic);
    else if (act.do === "disconnect") manager.disconnect(act.id);
    else if (act.do === "watch") manager.watch(act.topic);
    else if (act.do === "unwatch") manager.unwatch(act.topic);
    else if (act.do === "cut") manager.cut();
    else if (act.do === "open") manager.open();
    else if (net.managers.size > 1) {
      net.managers.delete(act.who);
      manager.presence.close();
      for (const { presence } of net.managers.values()) presence.gone(act.who);
    }
  }
}

function membersOf(net: Net, topic: string): string[] {
  const members = new Set<string>();
  for (const { clients } of net.managers.values())
    for (const { id, subscribed } of clients) if (subscribed.includes(topic)) members.add(id);
  return [...members].sort();
}

test("a client that watches a topic knows all members in the end, whatever is lost, and is told of none twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60, size: "max" }), async (actions) => {
      const net = new Net();
      for (const name of ["m0", "m1", "m2"]) new PlayedManager(net, name);
      for (const act of actions) await play(net, act);
      for (const manager of net.managers.values()) manager.open();
      const views = [...net.managers.values()].flatMap(({ views }) => [...views]);
      const isTrue = () => {
        net.arrive();
        return views.every(
          ([topic, { known, isReady }]) =>
            isReady && [...known].sort().join() === membersOf(net, topic).join(),
        );
      };
      const beats = setInterval(() => {
        for (const { presence } of net.managers.values()) presence.beat();
      }, 2);
      try {
        await until(isTrue, "everybody knows", 10_000);
      } finally {
        clearInterval(beats);
        for (const { presence } of net.managers.values()) presence.close();
      }
      expect(views.flatMap(([, { faults }]) => faults)).toEqual([]);
    }),
    rounds(60),
  );
}, 60_000);
