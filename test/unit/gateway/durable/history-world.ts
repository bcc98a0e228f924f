import type { LogReader, LogStart } from "../../../../src/broker/broker.ts";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import type { Start } from "../../../../src/log/position.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { turn } from "../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { recordOf, ScriptedLog } from "./scripted-log.ts";

/** One message of the log, in its order. */
interface Said {
  readonly topic: string;
  readonly text: string;
}

interface Peer {
  readonly client: ScriptedClient;
  readonly pattern: string;
  readonly start: "last" | { readonly last: number };
  /** What the log had when it subscribed. */
  readonly knew: number;
  subscription: DurableSubscription | undefined;
}

/** Subscriptions to the newest messages of a log that the test writes. */
export class HistoryWorld {
  readonly log = new ScriptedLog(5);
  readonly said: Said[] = [];
  readonly peers: Peer[] = [];
  readonly refused: string[] = [];
  readonly readFrom: LogStart[] = [];
  readonly durables: Durables;

  /** @param before the records that the log has before the manager follows it */
  constructor(windowBytes: number, valuesBytes: number, before: readonly (readonly string[])[] = []) {
    const relay = new Relay();
    relay.publishThrough({
      publish: (key, frame) => {
        for (const { client } of this.peers) if (client.keys.has(key)) client.socket.send(frame as string);
      },
    });
    const sharedLog = {
      read: (start: LogStart, reader: LogReader) => {
        this.readFrom.push(start);
        return this.log.read(start, reader);
      },
      mark: this.log.answerMark,
      recordBytesMax: 1024 ** 2,
      ...nothingRepeated(),
    };
    const backoff = { firstMs: 1, mostMs: 2 };
    this.durables = new Durables(sharedLog, relay, windowBytes, backoff, plainOutlet, valuesBytes);
    for (const topics of before) this.#append(topics);
    this.durables.marked(this.log.mark());
  }

  append(topics: readonly string[]): void {
    this.durables.logged(recordOf(this.#append(topics)));
  }

  #append(topics: readonly string[]) {
    const entry = this.log.append(topics, this.said.length % 3);
    for (const { topic, body } of recordOf(entry).messages) this.said.push({ topic, text: String(body) });
    return entry;
  }

  subscribe(pattern: string, start: Peer["start"], isReading = true): Peer {
    const client = new ScriptedClient();
    client.isReading(isReading);
    const peer: Peer = { client, pattern, start, knew: this.said.length, subscription: undefined };
    this.peers.push(peer);
    peer.subscription = this.durables.add({
      socket: client.socket,
      clientId: "client",
      subscriptionId: "s",
      encoding: stompEncoding("1.2"),
      pattern,
      start: start as Start,
      onSubscribed: () => undefined,
      onRefused: (why) => void this.refused.push(why),
    });
    return peer;
  }

  /** Everybody reads, and is at the log's end. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 20_000; turns++) {
      for (const { client, subscription } of this.peers) {
        client.isReading(true);
        if (subscription !== undefined) this.durables.drained(subscription);
      }
      const { counts } = this.durables;
      if (counts.atEnd === this.peers.length - this.refused.length && !this.durables.end.isLate) return;
      await turn();
      if (turns % 50 === 49) await Bun.sleep(1);
    }
    throw new Error(`not settled: ${JSON.stringify(this.durables.counts)}`);
  }

  /** What is wrong with what a client got; undefined if nothing is. */
  faultOf({ client, pattern, start, knew }: Peer): string | undefined {
    const matching = this.said.flatMap((each, index) =>
      pattern === "#" || pattern === each.topic ? [{ ...each, index }] : [],
    );
    const got = client.texts;
    const tell = (what: string) => `${what}: ${got.join(" ")} of ${JSON.stringify(matching)}, ${knew}`;
    if (start !== "last") {
      const known = matching.filter(({ index }) => index < knew).length;
      const least = matching.length - Math.max(0, known - start.last);
      const texts = matching.map(({ text }) => text);
      // While its beginning is being found more may come, of which the newest count.
      const isSuffix = texts.slice(texts.length - got.length).join(" ") === got.join(" ");
      if (!isSuffix) return tell("not the newest, in order, without a gap");
      if (got.length > least || got.length < Math.min(least, start.last)) return tell("not so many");
      return undefined;
    }
    // No two texts are the same.
    const placeOf = new Map(matching.map(({ text }, place) => [text, place]));
    const places = got.map((text) => placeOf.get(text) ?? -1);
    if (places.some((place, at) => place < 0 || (at > 0 && place <= places[at - 1]!)))
      return tell("not in order");
    // There is a moment at which each topic's newest was told, after which everything was.
    for (let moment = knew; moment <= this.said.length; moment++) {
      const newest = new Map<string, number>();
      for (const [place, { topic, index }] of matching.entries())
        if (index < moment) newest.set(topic, place);
      const later = matching.flatMap(({ index }, place) => (index >= moment ? [place] : []));
      const wanted = [...newest.values()].sort((one, other) => one - other).concat(later);
      if (wanted.join() === places.join()) return undefined;
    }
    return tell("not the newest of each topic, and what came then");
  }
}
