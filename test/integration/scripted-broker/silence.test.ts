import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type FakePeer } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";
import { rounds } from "../../unit/doubles/rounds.ts";

setDefaultTimeout(integrationTimeoutMs);

/** How RabbitMQ goes wrong when it is asked something. It then says nothing more on that connection, and does not end it. */
const faults: Readonly<Record<string, (peer: FakePeer, channel: number) => void>> = {
  "falls silent": () => undefined,
  "closes the channel and falls silent": (peer, channel) => {
    const why = { replyCode: 541, replyText: "INTERNAL_ERROR", classId: 0, methodId: 0 };
    if (channel > 0) peer.send("ChannelClose", why, channel);
  },
};

/** Brokers that are tried side by side. */
const atOnce = 3;
/** How long RabbitMQ may be silent at first, in milliseconds. A machine that needs longer to come to the question gets it. */
const patienceMs = 30;

/** What is asked on each link's connections. */
class Questions {
  readonly #links = new Map<FakePeer, string>();

  /** On which link's connection this is asked, and what kind of question it is; undefined before the link is known. */
  ask(method: string, peer: FakePeer, fields: Fields): { link: string; kind: string } | undefined {
    const { connection_name: name } = (fields["clientProperties"] ?? {}) as { connection_name?: string };
    if (name !== undefined) this.#links.set(peer, name);
    const link = this.#links.get(peer);
    return link === undefined
      ? undefined
      : { link, kind: `${method}${fields["passive"] === true ? " (passive)" : ""}` };
  }
}

type Fields = Readonly<Record<string, unknown>>;
/** The kinds of questions, by link. */
type Kinds = Map<string, Set<string>>;

/** All of them. Where rounds are to be few some, from the first question to the last. */
function someOf(kinds: readonly string[]): readonly string[] {
  const { numRuns } = rounds(kinds.length);
  return Array.from({ length: numRuns }, (_, index) => kinds[Math.floor((index * kinds.length) / numRuns)]!);
}

/** A process with the links of a manager and a processor. Resolves when all of them are open. */
async function allLinksOpen(fake: FakeAmqp, openTimeoutMs: () => number): Promise<void> {
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 },
    timing: {
      ...defaultTiming,
      get openTimeoutMs() {
        return openTimeoutMs();
      },
      closeTimeoutMs: 10,
      backoff: { firstMs: 1, mostMs: 5 },
      missedForMs: 10,
    },
  });
  fake.closeFirst(broker);
  broker.attachPublisher("wsmanager", new Outbox("test", true));
  broker.attachConsumer("group", 10, {
    opened: () => undefined,
    deliver: () => undefined,
    closed: () => undefined,
  });
  broker.attachFollower({
    patienceMs: 0,
    record: () => undefined,
    marked: () => undefined,
    missed: () => undefined,
  });
  broker.start((error) => {
    throw error;
  });
  await until(() => broker.status().state === "ready", "every link to be open", integrationTimeoutMs - 5000);
}

/** What is asked until every link is open. */
async function allKinds(): Promise<Kinds> {
  const kinds: Kinds = new Map();
  const questions = new Questions();
  await using fake = await FakeAmqp.start((method, peer, _, fields) => {
    const { link, kind } = questions.ask(method, peer, fields) ?? {};
    if (link === undefined) return undefined;
    kinds.set(link, (kinds.get(link) ?? new Set()).add(kind!));
    return undefined;
  });
  await allLinksOpen(fake, () => 20_000);
  return kinds;
}

/** RabbitMQ goes wrong once with each link, at a question of the kind that is next. Takes the kinds that it came to out of `left`. */
async function goesWrong(
  act: (peer: FakePeer, channel: number) => void,
  left: Kinds,
  patienceMs: number,
): Promise<void> {
  const next = new Map([...left].flatMap(([link, [kind]]) => (kind === undefined ? [] : [[link, kind]])));
  const questions = new Questions();
  const wrong = new Set<FakePeer>();
  await using fake = await FakeAmqp.start((method, peer, channel, fields) => {
    if (wrong.has(peer)) return "answered";
    const { link, kind } = questions.ask(method, peer, fields) ?? {};
    if (link === undefined || next.get(link) !== kind) return undefined;
    next.delete(link);
    left.get(link)!.delete(kind!);
    wrong.add(peer);
    act(peer, channel);
    return "answered";
  });
  // Each attempt may last longer than the one before: so slow is no machine that none succeeds.
  await allLinksOpen(fake, () => patienceMs + 10 * fake.peers.length);
}

describe("every link is open in the end though RabbitMQ", async () => {
  const kinds = await allKinds();

  test("is asked much on each of its connections", () => {
    const links = ["warren test publishing", "warren test marks", "warren test consuming"];
    expect([...kinds.keys()].sort()).toEqual(links.sort());
    for (const some of kinds.values()) expect(some.size).toBeGreaterThan(10);
  });

  for (const [fault, act] of Object.entries(faults)) {
    test.concurrent(`${fault} once, whatever it was asked last`, async () => {
      await Promise.all(
        Array.from({ length: atOnce }, async (_, share) => {
          const left: Kinds = new Map(
            [...kinds].map(([link, some]) => [
              link,
              new Set(someOf([...some]).filter((__, index) => index % atOnce === share)),
            ]),
          );
          const count = () => [...left.values()].reduce((sum, { size }) => sum + size, 0);
          for (let ms = patienceMs; count() > 0; ) {
            const before = count();
            await goesWrong(act, left, ms);
            if (count() === before) ms *= 2;
          }
        }),
      );
    });
  }
});
