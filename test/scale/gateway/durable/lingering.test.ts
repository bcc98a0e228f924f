import { expect, test } from "bun:test";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import type { Start } from "../../../../src/log/position.ts";
import { until } from "../../../support/wait.ts";
import { nothingRepeated } from "../../../unit/doubles/nothing-repeated.ts";
import { turn } from "../../../unit/doubles/turn.ts";
import { ScriptedClient } from "../../../unit/gateway/durable/scripted-client.ts";
import { recordOf, ScriptedLog } from "../../../unit/gateway/durable/scripted-log.ts";

/** Two or three messages of this size are all that there is room for at a client. */
const size = 50_000;

/** A log of which hardly anything is in memory: of packs of four messages each. */
function longLog(records: number) {
  const log = new ScriptedLog(0);
  const starts: unknown[] = [];
  let running = 0;
  const shared = {
    read: (...[start, reader]: Parameters<ScriptedLog["read"]>) => {
      starts.push(start);
      running++;
      const reading = log.read(start, reader);
      const stop = () => {
        running--;
        reading.stop();
      };
      return { handled: reading.handled.bind(reading), stop };
    },
    mark: () => () => undefined,
    recordBytesMax: 1024 ** 2,
    ...nothingRepeated(),
  };
  const durables = new Durables(shared, new Relay(), 1, { firstMs: 1, mostMs: 2 });
  const texts: string[] = [];
  for (let count = 0; count < records; count++) {
    const record = recordOf(log.append(["t", "t", "t", "t"], 0, size));
    texts.push(...record.messages.map(({ body }) => String(body).replace(/\.+$/, "")));
    durables.logged(record);
  }
  return { durables, starts, texts, running: () => running };
}

/** A client whose buffer is full after each write, until it is told to read. */
class SlowClient extends ScriptedClient {
  readonly subscription: DurableSubscription;
  readonly #durables: Durables;

  constructor(durables: Durables, start: Start) {
    super();
    this.#durables = durables;
    const { send } = this.socket;
    Object.assign(this.socket, {
      send: (frame: string) => {
        this.isReading(false);
        return send(frame);
      },
    });
    this.subscription = durables.add({
      socket: this.socket,
      clientId: "client",
      subscriptionId: "s",
      encoding: stompEncoding("1.2"),
      pattern: "#",
      start,
      onSubscribed: () => undefined,
    });
  }

  async reads(): Promise<void> {
    await until(() => this.subscription.state === "parked", "its buffer is full");
    const before = this.frames.length;
    this.isReading(true);
    this.#durables.drained(this.subscription);
    // One that was parked for long goes on in its turn.
    await until(() => this.frames.length > before, "it is read to again");
  }

  get numbers(): string[] {
    return this.texts.map((text) => text.replace(/\.+$/, ""));
  }
}

async function readsTo(client: SlowClient, count: number): Promise<void> {
  while (client.frames.length < count) await client.reads();
}

test("a client that reads slowly from old parts of the log is read to by one reading, also from the middle of a pack", async () => {
  const { durables, starts, texts } = longLog(30);
  const client = new SlowClient(durables, "first");
  await readsTo(client, 100);
  expect(starts).toEqual(["first"]);
  expect(client.numbers).toEqual(texts.slice(0, client.frames.length));
  durables.close();
});

test("one that takes longer than a reading waits for it goes on in another one, where it was", async () => {
  const { durables, starts, texts, running } = longLog(30);
  const client = new SlowClient(durables, "first");
  await readsTo(client, 10);
  await until(() => client.subscription.state === "parked", "its buffer is full");
  await until(() => running() === 0, "the reading to end");
  await readsTo(client, 100);
  expect(starts).toHaveLength(2);
  expect(client.numbers).toEqual(texts.slice(0, client.frames.length));
  durables.close();
});

test("readings that wait for slow clients keep nobody from one, and are no more than there may be", async () => {
  const { durables, texts, running } = longLog(30);
  const slow = Array.from({ length: 20 }, () => undefined);
  for (const _ of slow) {
    const client = new SlowClient(durables, { offset: 3, index: Number.POSITIVE_INFINITY });
    await until(() => client.subscription.state === "parked", "it has got something");
    expect(client.numbers[0]).toBe(texts[16]!);
    expect(running()).toBeLessThanOrEqual(7);
  }
  durables.close();
  await turn();
  expect(running()).toBe(0);
});
