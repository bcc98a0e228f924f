import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { RecordExchange } from "../../../../src/broker/broker.ts";
import { seal } from "../../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../../src/envelope/packing.ts";
import { sealOne, sealPacked, takeApart } from "../../../../src/envelope/sealing.ts";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { PastKeys } from "../../../../src/gateway/fan-out/past-keys.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { Feed } from "../../../../src/log/feed.ts";
import { KnownRepeats } from "../../../../src/log/known-repeats.ts";
import { isAfter, positionText, type Start, startAfter } from "../../../../src/log/position.ts";
import { Repeats } from "../../../../src/log/repeats.ts";
import { SkippedRecords } from "../../../../src/log/skipped-records.ts";
import { PastAtStart } from "../../../../src/manager/past-at-start.ts";
import { MessageTrace } from "../../../../src/ops/message-trace.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { until } from "../../../support/wait.ts";
import { RecordingLogger } from "../../doubles/recording-logger.ts";
import { rounds } from "../../doubles/rounds.ts";
import { turn } from "../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { type Entry, recordOf, ScriptedLog } from "./scripted-log.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Some records, so that most of the log is older than what is in memory, or all of it. */
const windowBytes = fc.constantFrom(2_000, 8_000, 1_000_000);
const backoff = { firstMs: 1, mostMs: 2 };

/** A manager that follows the log from when it was started, and reads what came before. */
class ManagerDouble {
  readonly feed: Feed;
  readonly durables: Durables;
  readonly past: PastAtStart;
  readonly sockets = new Set<ScriptedClient>();

  constructor(log: ScriptedLog, windowBytes: number) {
    const relay = new Relay();
    relay.publishThrough({
      publish: (key, frame) => {
        for (const client of this.sockets) if (client.keys.has(key)) client.socket.send(frame as string);
      },
    });
    const known = new KnownRepeats();
    const repeats = new Repeats(known);
    const read = log.read.bind(log);
    const sharedLog = {
      read,
      mark: log.answerMark,
      recordBytesMax: 1024 ** 2,
      repeats: known,
      isPastKnown: (): boolean => this.past.isKnown,
    };
    this.durables = new Durables(sharedLog, relay, windowBytes, backoff);
    const sink = {
      deliver: () => undefined,
      answer: () => undefined,
      relay: () => undefined,
      wants: () => true,
      hasClient: () => false,
      hasAsker: () => false,
      hasClients: false,
      publishedCount: 0,
      isSpreading: false,
      isFollowed: false,
      logged: this.durables.logged.bind(this.durables),
      marked: this.durables.marked.bind(this.durables),
      missed: this.durables.missed.bind(this.durables),
    };
    const logger = new RecordingLogger();
    const trace = new MessageTrace(logger, "off");
    const skipped = new SkippedRecords(logger);
    this.feed = new Feed("manager-ffffffffffff", sink, logger, trace, skipped, 1024 ** 2, repeats);
    const once = { windowMs: 0, learn: () => false, past: new PastKeys() };
    this.past = new PastAtStart({ hasLog: true, read }, once, repeats, 1024 ** 2, logger as never, 1);
    this.past.onKnown = () => {
      known.tellAll(this.durables.window);
      this.durables.resume();
    };
    this.feed.onMarked = (offset) => this.past.reached(offset);
  }

  close(): void {
    this.past.close();
    this.durables.close();
  }
}

const placeOf = (number: number) => ({ sequence: number, number });
const waitingFor = (body: string) => ({
  message: { body, topic: "t" },
  costBytes: 100,
  timestamp: 1,
  waiter: undefined,
  sinceMs: 0,
  share: undefined,
});
const sealingOf = (publisher: number) => ({
  appId: "app",
  idOf: (number: number) => `manager-${"0".repeat(11)}${publisher}-${number}`,
  hasCopies: false,
});

/** A client that goes from one manager to another, always on after what it has got. */
interface Wanderer {
  readonly from: Start;
  readonly client: ScriptedClient;
  manager: ManagerDouble;
  subscription: DurableSubscription;
}

class Cluster {
  readonly log = new ScriptedLog(3);
  readonly managers: ManagerDouble[] = [];
  readonly wanderers: Wanderer[] = [];
  /** What each publisher has said, in the form in which it says it again. */
  readonly #said: Entry["envelope"][][] = [[], []];
  /** The messages of a pack of each, that RabbitMQ refused: they come one by one. */
  readonly #pieces: Entry["envelope"][][] = [[], []];
  readonly #windowBytes: number;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** A publisher's next message, and those that it repeats first since their confirms were lost. */
  say(publisher: number, repeated: number): void {
    this.finish(publisher);
    const said = this.#said[publisher]!;
    const again = said.slice(Math.max(0, said.length - repeated));
    const sealing = sealingOf(publisher);
    const next = sealOne(waitingFor(`${publisher}:${said.length}`), placeOf(said.length), sealing).envelope;
    said.push(next);
    for (const envelope of [...again, next]) this.put("wsmanager", envelope);
  }

  /** A publisher's next messages in a pack, which is refused. @param isTaken whether it is in the log all the same */
  sayPacked(publisher: number, count: number, isTaken: boolean): void {
    this.finish(publisher);
    const from = this.#said[publisher]!.length;
    const batch = Array.from({ length: count }, (_, index) => waitingFor(`${publisher}:${from + index}`));
    const sealing = sealingOf(publisher);
    const sent = sealPacked(batch, placeOf(from), sealing);
    if (isTaken) this.put("wsmanager", sent.envelope);
    this.#pieces[publisher] = takeApart(sent, sealing).map(({ envelope }) => envelope);
  }

  /** What is left of a publisher's pack. */
  finish(publisher: number): void {
    for (const envelope of this.#pieces[publisher]!.splice(0)) {
      this.#said[publisher]!.push(envelope);
      this.put("wsmanager", envelope);
    }
  }

  /** A processor's answers to these, of which others may have answered some before, or it itself. */
  answer(processor: number, questions: readonly number[]): void {
    const answers = questions.map((number) => ({
      body: `answer ${number}`,
      topic: "t",
      id: `manager-${"0".repeat(12)}-${number}/g/1`,
    }));
    const id = `processor-${"0".repeat(11)}${processor}-${this.log.entries.length}`;
    const one = answers[0]!;
    const plain = seal(one, one.id, "app", 1);
    this.put(
      "towsmanager",
      answers.length === 1
        ? plain
        : { ...plain, messageId: id, routingKey: "", body: pack(answers), contentType: packedContentType },
    );
  }

  put(exchange: RecordExchange, envelope: Entry["envelope"]): void {
    const { offset } = this.log.put(exchange, envelope);
    for (const { feed } of this.managers) feed.record(offset, exchange, envelope);
  }

  /** @param recordsBeforeMark what it follows before it knows how far the log reaches */
  start(recordsBeforeMark: number): void {
    const manager = new ManagerDouble(this.log, this.#windowBytes);
    this.managers.push(manager);
    for (let count = 0; count < recordsBeforeMark; count++) this.say(count % 2, count);
    manager.feed.marked(this.log.mark());
  }

  subscribe(managerAt: number, at: number): void {
    const entry = this.log.entries[Math.floor(at * this.log.entries.length)];
    const count = entry === undefined ? 0 : recordOf(entry).heads.length;
    const from =
      entry === undefined || count === 0
        ? "first"
        : startAfter(positionText(entry.offset, Math.floor(at * 997) % count, count))!;
    const client = new ScriptedClient();
    const manager = this.managers[managerAt % this.managers.length]!;
    this.wanderers.push({ from, client, manager, subscription: this.#add(manager, client, from) });
  }

  #add(manager: ManagerDouble, client: ScriptedClient, start: Start): DurableSubscription {
    manager.sockets.add(client);
    return manager.durables.add({
      socket: client.socket,
      clientId: "client",
      subscriptionId: "s",
      encoding: stompEncoding("1.2"),
      pattern: "#",
      start,
      onSubscribed: () => undefined,
    });
  }

  move(who: number, managerAt: number): void {
    const wanderer = this.wanderers[who % Math.max(1, this.wanderers.length)];
    if (wanderer === undefined) return;
    const { client, manager, subscription, from } = wanderer;
    manager.durables.remove(subscription, true);
    manager.sockets.delete(client);
    client.keys.clear();
    const last = client.positions.at(-1);
    wanderer.manager = this.managers[managerAt % this.managers.length]!;
    const start = last === undefined ? from : startAfter(last)!;
    wanderer.subscription = this.#add(wanderer.manager, client, start);
  }

  /** What is in the log after a place and was not in it before. */
  expected(from: Start): string[] {
    const ids = new Set<string>();
    const texts: string[] = [];
    for (const entry of this.log.entries) {
      for (const [index, { id, body }] of recordOf(entry).messages.entries()) {
        const isNew = !ids.has(id);
        ids.add(id);
        const isDue = typeof from === "string" || ("offset" in from && isAfter(from, entry.offset, index));
        if (isNew && isDue) texts.push(String(body));
      }
    }
    return texts;
  }
}

const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("say packed" as const),
      who: fc.nat(1),
      count: fc.integer({ min: 1, max: 5 }),
      isTaken: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("say" as const),
      who: fc.nat(1),
      repeated: fc.constantFrom(0, 0, 0, 1, 5, 30),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      who: fc.nat(1),
      questions: fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("start" as const), before: fc.constantFrom(0, 1, 4) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      manager: fc.nat(5),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("move" as const), who: fc.nat(), manager: fc.nat(5) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "cut off" as const }) },
  { weight: 4, arbitrary: fc.constant({ do: "turn" as const }) },
);

test("however often messages are in the log, wherever a durable subscription begins or goes on, and whenever its managers were started, it gets each of them once and in order", async () => {
  let repeats = 0;
  const tried = rounds(50);
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 120, size: "max" }),
      windowBytes,
      async (steps, bytes) => {
        const cluster = new Cluster(bytes);
        for (let count = 0; count < 8; count++) cluster.say(count % 2, count);
        cluster.start(0);
        for (const one of steps) {
          if (one.do === "say") cluster.say(one.who, one.repeated);
          else if (one.do === "say packed") cluster.sayPacked(one.who, one.count, one.isTaken);
          else if (one.do === "answer") cluster.answer(one.who, one.questions);
          else if (one.do === "start") cluster.start(one.before);
          else if (one.do === "subscribe") cluster.subscribe(one.manager, one.at);
          else if (one.do === "move") cluster.move(one.who, one.manager);
          else if (one.do === "cut off") cluster.log.cutOff();
          else await turn();
        }
        for (const publisher of [0, 1]) cluster.finish(publisher);
        const isDone = () =>
          cluster.managers.every(
            ({ durables, sockets }) => durables.counts.atEnd === sockets.size && !durables.end.isLate,
          );
        await until(isDone, "every client to be at the log's end");
        for (const { client, from } of cluster.wanderers)
          expect(client.texts).toEqual(cluster.expected(from));
        repeats += cluster.managers.reduce((sum, { feed }) => sum + feed.repeats.count, 0);
        for (const manager of cluster.managers) manager.close();
      },
    ),
    tried,
  );
  expect(repeats).toBeGreaterThan(2 * tried.numRuns);
});
