import { expect, test } from "bun:test";
import type { Envelope } from "../../../../src/envelope/envelope.ts";
import { onceIdOf } from "../../../../src/envelope/idempotency-key.ts";
import { sealOne, sealPacked, type Waiting } from "../../../../src/envelope/sealing.ts";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import type { OutgoingMessage } from "../../../../src/message.ts";
import { onceText } from "../../../../src/message-id.ts";
import { until } from "../../../support/wait.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { recordOf, ScriptedLog } from "./scripted-log.ts";

/** What the log has after RabbitMQ's clock has shown this time. In seconds since 1970. */
const asked = 1_000_000;
/** A manager's clock that is a minute slow. */
const slow = asked - 60;
const processId = "manager-0123456789ab";
const sealing = { appId: processId, idOf: (number: number) => `${processId}-${number}`, hasCopies: false };
const place = { sequence: 1, number: 1 };

function stamped(message: Partial<OutgoingMessage>, timestamp = slow): Waiting {
  return {
    message: { topic: "t", body: "", ...message },
    costBytes: 1,
    timestamp,
    waiter: undefined,
    sinceMs: 0,
    share: undefined,
  };
}

/** As a program that knows nothing of Warren publishes it. */
function foreign(body: string, timestamp: number | undefined): Envelope {
  const { envelope } = sealOne(stamped({ body }), place, sealing);
  return { ...envelope, messageId: undefined, appId: undefined, timestamp };
}

/** The bodies that a subscription gets which asks for what is not older than `asked`, where RabbitMQ got all of it later. */
async function bodiesSince(envelopes: readonly Envelope[]): Promise<string[]> {
  const log = new ScriptedLog(0);
  const shared = {
    read: log.read.bind(log),
    mark: () => () => undefined,
    recordBytesMax: 1024 ** 2,
    ...nothingRepeated(),
  };
  const durables = new Durables(shared, new Relay(), 1e9, { firstMs: 1, mostMs: 2 });
  for (const envelope of envelopes) durables.logged(recordOf(log.put("wsmanager", envelope)));
  const client = new ScriptedClient();
  const subscription = durables.add({
    socket: client.socket,
    clientId: "client",
    subscriptionId: "s",
    encoding: stompEncoding("1.2"),
    pattern: "#",
    start: { timestamp: asked },
    onSubscribed: () => undefined,
  });
  await until(() => subscription.state === "at the end", "it is at the end");
  durables.remove(subscription, false);
  return client.texts;
}

test("a time begins with what RabbitMQ got since then, also where the clock of the manager that published it is slow", async () => {
  const key = onceText(onceIdOf({ topic: "t", body: "with a key" }, "key", slow * 1000, 120_000));
  const alone = ["alone", "another"].map((body) => sealOne(stamped({ body }), place, sealing).envelope);
  const withKey = sealOne(stamped({ body: "with a key", id: key }), place, sealing).envelope;
  const answerId = `${processId}-1/group/0`;
  const answer = sealOne(stamped({ body: "an answer", id: answerId }), place, sealing).envelope;
  const pack = sealPacked([stamped({ body: "packed" }), stamped({ body: "too" })], place, sealing).envelope;
  expect(await bodiesSince([...alone, withKey, answer, pack])).toEqual([
    "alone",
    "another",
    "with a key",
    "an answer",
    "packed",
    "too",
  ]);
});

test("a time passes over what its publisher calls older, up to the first that is not", async () => {
  const old = { timestamp: String(slow) };
  const young = { timestamp: String(asked) };
  const pack = sealPacked(
    [stamped({ body: "2", headers: old }), stamped({ body: "3", headers: young }), stamped({ body: "4" })],
    place,
    sealing,
  ).envelope;
  expect(await bodiesSince([foreign("1", slow), pack, foreign("5", slow)])).toEqual(["3", "4", "5"]);
  expect(await bodiesSince([foreign("1", slow), foreign("2", undefined)])).toEqual(["2"]);
});
