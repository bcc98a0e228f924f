import { expect, test } from "bun:test";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { nothingRepeated } from "../../../unit/doubles/nothing-repeated.ts";
import { turn } from "../../../unit/doubles/turn.ts";
import { ScriptedClient } from "../../../unit/gateway/durable/scripted-client.ts";
import { recordOf, ScriptedLog } from "../../../unit/gateway/durable/scripted-log.ts";

/** Messages in a record, and clients, each of which has a subscription of its own to all of them. */
const messageCount = 100;
const clientCount = 100;
/** What may be published in one turn of the event loop. */
const publishedMax = 300;

test("records with hundreds of messages for hundreds of subscriptions are not published in one turn of the event loop, and everybody gets all of them, in order", async () => {
  const log = new ScriptedLog(0);
  const relay = new Relay();
  const clients = new Map<string, ScriptedClient>();
  let publishes = 0;
  relay.publishThrough({
    publish: (key, frame) => {
      publishes++;
      clients.get(key)!.socket.send(frame as string);
    },
  });
  const shared = {
    read: log.read.bind(log),
    mark: () => () => undefined,
    recordBytesMax: 1024 ** 2,
    ...nothingRepeated(),
  };
  const backoff = { firstMs: 1, mostMs: 2 };
  const durables = new Durables(shared, relay, 1e9, backoff, plainOutlet, undefined, undefined, publishedMax);
  durables.marked(log.mark());
  const all = Array.from({ length: clientCount }, (_, index) => {
    const client = new ScriptedClient((key) => clients.set(key, client));
    const subscriptionId = `${index}`;
    const encoding = stompEncoding("1.2");
    const said = { clientId: "c", subscriptionId, encoding, pattern: "#", start: "next" as const };
    durables.add({ socket: client.socket, ...said, onSubscribed: () => undefined });
    return client;
  });
  expect(durables.counts.atEnd).toBe(clientCount);

  const append = () => {
    const before = publishes;
    for (let records = 0; records < 3; records++)
      durables.logged(recordOf(log.append(Array<string>(messageCount).fill("a"), 0)));
    expect(publishes - before).toBeLessThanOrEqual(publishedMax + clientCount);
  };
  const all3 = (rounds: number) => clientCount * 3 * messageCount * rounds;
  const got = () => all.reduce((sum, { frames }) => sum + frames.length, 0);
  append();
  for (let turns = 0; got() < all3(1) || durables.counts.atEnd < clientCount; turns++) {
    expect(turns).toBeLessThan(20_000);
    await turn();
  }
  // They are where they were, and it goes on like that.
  append();
  for (let turns = 0; got() < all3(2); turns++) {
    expect(turns).toBeLessThan(20_000);
    await turn();
  }
  const expected = all[0]!.places;
  expect(new Set(expected).size).toBe(6 * messageCount);
  expect(expected).toEqual(
    expected.toSorted((one, other) => one.localeCompare(other, "en", { numeric: true })),
  );
  for (const client of all) expect(client.places).toEqual(expected);
  durables.close();
});
