import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { defaultTiming, type LinkTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type FakePeer, type Script } from "../../support/fake-amqp.ts";
import { FakeTopology } from "../../support/fake-topology.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

const groupQueue = "wsmanager.shop";
/** The mark by which a processor announces its group. */
const mark = { method: "BasicPublish", name: "wsmanager.log shop" };

/** A process with the links of a processor, or of a manager. */
function started(fake: FakeAmqp, role: "processor" | "manager", timing: Partial<LinkTiming> = {}) {
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 },
    timing: { ...defaultTiming, backoff: { firstMs: 1, mostMs: 5 }, missedForMs: 10, ...timing },
  });
  fake.closeFirst(broker);
  const outbox = new Outbox("test", false);
  const quiet = () => undefined;
  if (role === "processor") {
    broker.attachPublisher("towsmanager", outbox);
    broker.attachConsumer("shop", 10, { opened: quiet, deliver: quiet, closed: quiet });
  } else {
    broker.attachPublisher("wsmanager", outbox);
    broker.attachFollower({ patienceMs: 0, record: quiet, marked: quiet, missed: quiet });
  }
  broker.start((error) => {
    throw error;
  });
  const isReady = () => broker.status().state === "ready";
  return {
    broker,
    outbox,
    ready: () => until(isReady, "every link to be open", integrationTimeoutMs - 5000),
  };
}

/** Answers when nothing more comes for a moment, and counts how often: so often something waited for an answer. */
class Rounds {
  /** By connection. */
  readonly counts = new Map<FakePeer, number>();
  readonly #waiting = new Map<FakePeer, (() => void)[]>();

  readonly script: Script = (method, peer, channel, fields) => {
    if (method === "BasicPublish") return undefined;
    const waiting = this.#waiting.get(peer);
    const answer = () => peer.answer(method, channel, fields);
    if (method === "ProtocolHeader") return undefined;
    if (waiting !== undefined) {
      waiting.push(answer);
      return "answered";
    }
    this.#waiting.set(peer, [answer]);
    this.counts.set(peer, (this.counts.get(peer) ?? 0) + 1);
    setTimeout(() => {
      const all = this.#waiting.get(peer)!;
      this.#waiting.delete(peer);
      for (const each of all) each();
    }, 20);
    return "answered";
  };
}

describe.concurrent("setting up", () => {
  for (const role of ["processor", "manager"] as const) {
    test(`a ${role} takes few round trips on each connection`, async () => {
      const rounds = new Rounds();
      await using fake = await FakeAmqp.start(rounds.script);
      await started(fake, role).ready();
      expect(rounds.counts.size).toBe(role === "processor" ? 2 : 3);
      // Step by step it took 27 to 48.
      for (const count of rounds.counts.values()) expect(count).toBeLessThan(15);
    });

    test(`a ${role} declares a queue that has gone, when others have missed it, and nothing else anew`, async () => {
      const topology = new FakeTopology();
      await using fake = await FakeAmqp.start(topology.script);
      const { broker, ready } = started(fake, role, { missedForMs: 50 });
      await ready();
      topology.done.length = 0;
      const name = role === "processor" ? groupQueue : "wsmanager.log";
      topology.remove("queue", name);
      const before = fake.peers.length;
      for (const peer of fake.peers) peer.end();
      await until(() => fake.peers.length > before && broker.status().state !== "ready", "the loss");
      await ready();
      // Each connection that publishes has a slot's queue of its own, which nobody misses.
      const declared = topology.done.filter(
        (each) => each.method === "QueueDeclare" && !each.name.startsWith("towsmanager.witness-"),
      );
      expect(declared.filter((each) => each.name === name).length).toBeGreaterThan(0);
      expect(new Set(declared.map((each) => each.name))).toEqual(new Set([name]));
      const at = topology.done.findIndex((each) => each.method === "QueueDeclare" && each.name === name);
      const boundAt = topology.done.findLastIndex(
        (each) => each.method === "QueueBind" && each.name === name,
      );
      expect(boundAt).toBeGreaterThan(at);
    });
  }

  test("nothing is published before a queue that has gone is there and bound again", async () => {
    const topology = new FakeTopology((method, peer, channel) => {
      if (method === "BasicPublish")
        peer.send("BasicAck", { deliveryTag: peer.published, multiple: false }, channel);
      return undefined;
    });
    topology.remove("queue", "wsmanager.log");
    await using fake = await FakeAmqp.start(topology.script);
    const { outbox, ready } = started(fake, "manager");
    outbox.append({ body: "hello", topic: "t" });
    await until(() => outbox.isEmpty, "the message to be confirmed");
    await ready();
    const of = (method: string, name: string) =>
      topology.done.findIndex((each) => each.method === method && each.name.startsWith(name));
    expect(of("QueueDeclare", "wsmanager.log")).toBeGreaterThanOrEqual(0);
    expect(of("QueueBind", "wsmanager.log")).toBeGreaterThan(of("QueueDeclare", "wsmanager.log"));
    expect(of("BasicPublish", "wsmanager.packed")).toBeGreaterThan(of("QueueBind", "wsmanager.log"));
  });

  test("joins an exchange that another program has declared with other settings", async () => {
    await using fake = await FakeAmqp.start((method, peer, channel, fields) => {
      const isOwn = method === "ExchangeDeclare" && fields["exchange"] === "wsmanager";
      if (!isOwn || fields["passive"] === true) return undefined;
      const replyText = "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'wsmanager'";
      peer.send("ChannelClose", { replyCode: 406, replyText, classId: 40, methodId: 10 }, channel);
      return "answered";
    });
    await started(fake, "manager").ready();
    expect(fake.peers.length).toBe(3);
  });

  test("goes on as long as each answer comes in time, however long it takes in all", async () => {
    const lateMs = 50;
    const openTimeoutMs = 1000;
    const waiting = new Map<FakePeer, Promise<void>>();
    await using fake = await FakeAmqp.start((method, peer, channel, fields) => {
      if (["ProtocolHeader", "ConnectionStartOk", "ConnectionOpen"].includes(method)) return undefined;
      const before = waiting.get(peer) ?? Promise.resolve();
      const answered = before.then(() => Bun.sleep(lateMs)).then(() => peer.answer(method, channel, fields));
      waiting.set(peer, answered);
      return "answered";
    });
    const { ready } = started(fake, "processor", { openTimeoutMs });
    const startMs = performance.now();
    await ready();
    expect(performance.now() - startMs).toBeGreaterThan(openTimeoutMs);
    expect(fake.peers.length).toBe(2);
  });
});

describe.concurrent("a group", () => {
  /** Answers, but does not let any set-up end. */
  const endless: Script = (method) => (method === "ExchangeUnbind" ? "answered" : undefined);
  const isMarked = ({ done }: FakeTopology) => done.some(({ name }) => name === mark.name);

  test("is announced while its processor is still setting up", async () => {
    const topology = new FakeTopology(endless);
    await using fake = await FakeAmqp.start(topology.script);
    const { broker } = started(fake, "processor");
    await until(() => isMarked(topology), "the mark");
    expect(broker.status().state).toBe("connecting");
    // Those who hear of it rely on its queue.
    const { name } = topology.done.find(({ method }) => method === "QueueBind" || method === "BasicPublish")!;
    expect(name).toBe(groupQueue);
  });

  test("is announced over the channel on which its queue was bound", async () => {
    const asked: string[] = [];
    const topology = new FakeTopology((method, peer, channel, fields) => {
      const isGroups = fields["queue"] === groupQueue || method !== "QueueBind";
      if (isGroups) asked.push(`${method} on ${channel} of ${fake.peers.indexOf(peer)}`);
      return endless(method, peer, channel, fields);
    });
    await using fake = await FakeAmqp.start(topology.script);
    started(fake, "processor");
    await until(() => isMarked(topology), "the mark");
    const publish = await until(() => asked.find((each) => each.startsWith("BasicPublish")), "the publish");
    const onIt = asked.filter((each) => each.endsWith(publish.slice("BasicPublish".length)));
    expect(onIt.map((each) => each.split(" ")[0]!)).toEqual(["ChannelOpen", "QueueBind", "BasicPublish"]);
  });

  test("whose queue has gone gets it back with its binding, before anything else is asked for", async () => {
    const topology = new FakeTopology();
    topology.remove("queue", groupQueue);
    await using fake = await FakeAmqp.start(topology.script);
    const { ready } = started(fake, "processor");
    await ready();
    const at = topology.done.findIndex(
      ({ method, name }) => method === "QueueDeclare" && name === groupQueue,
    );
    expect(topology.done[at + 1]).toEqual({ method: "QueueBind", name: groupQueue });
  });

  test("that RabbitMQ blocks while its processor is set up is not given up, and the reason is told", async () => {
    let held: { readonly peer: FakePeer; readonly answer: () => void } | undefined;
    const topology = new FakeTopology((method, peer, channel, fields) => {
      if (held !== undefined) return undefined;
      // It is told before the answer to an earlier question, so it knows of it when it asks the one that is not answered, however busy the machine is.
      if (method === "ChannelOpen") peer.send("ConnectionBlocked", { reason: "low on memory" });
      if (method !== "ConfirmSelect") return undefined;
      held = { peer, answer: () => peer.answer(method, channel, fields) };
      return "answered";
    });
    await using fake = await FakeAmqp.start(topology.script);
    const { broker, ready } = started(fake, "processor", { openTimeoutMs: 300 });
    const { peer, answer } = await until(() => held, "the question that is not answered");
    const isTold = () => {
      const { state, why } = broker.status() as { state: string; why?: string };
      return state === "connecting" && why?.includes("low on memory");
    };
    await until(isTold, "the reason");
    // Several times as long as a question may take. The other connections may be given up meanwhile, and begun again.
    await Bun.sleep(1500);
    expect(peer.hasEnded).toBe(false);
    await until(isTold, "the same reason still");
    for (const each of fake.peers) if (!each.hasEnded) each.send("ConnectionUnblocked", {});
    answer();
    await ready();
  });

  test("that is new is announced when its queue is there", async () => {
    const topology = new FakeTopology();
    topology.remove("queue", groupQueue);
    await using fake = await FakeAmqp.start(topology.script);
    const { ready } = started(fake, "processor");
    await until(() => isMarked(topology), "the mark");
    await ready();
    const at = topology.done.findIndex(({ name }) => name === mark.name);
    const declaredAt = topology.done.findIndex(
      ({ method, name }) => method === "QueueDeclare" && name === groupQueue,
    );
    expect(declaredAt).toBeGreaterThanOrEqual(0);
    expect(at).toBeGreaterThan(declaredAt);
  });

  test("whose queue has gone is announced at once by a processor that had it, so that others miss it", async () => {
    let isEndless = false;
    const topology = new FakeTopology((...asked) => (isEndless ? endless(...asked) : undefined));
    await using fake = await FakeAmqp.start(topology.script);
    const { ready } = started(fake, "processor");
    await ready();
    isEndless = true;
    topology.remove("queue", groupQueue);
    topology.done.length = 0;
    for (const peer of fake.peers) peer.end();
    await until(() => isMarked(topology), "the mark");
  });

  test("is announced by the set-up where the exchange for marks has gone as well", async () => {
    const topology = new FakeTopology();
    await using fake = await FakeAmqp.start(topology.script);
    const { ready } = started(fake, "processor");
    await ready();
    topology.remove("exchange", "wsmanager.log");
    topology.done.length = 0;
    const before = fake.peers.length;
    for (const peer of fake.peers) peer.end();
    await until(() => fake.peers.length > before, "another connection");
    await ready();
    await until(() => isMarked(topology), "the mark");
    const names = topology.done.map(({ method, name }) => `${method} ${name}`);
    expect(names).toContain("ExchangeDeclare wsmanager.log");
  });
});
