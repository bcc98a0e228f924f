import type { LogReader, LogStart } from "../../../../src/broker/broker.ts";
import { contentsWith, seal } from "../../../../src/envelope/envelope.ts";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { type Start, startAfter } from "../../../../src/log/position.ts";
import { LogRecord } from "../../../../src/log/record.ts";
import type { Message } from "../../../../src/message.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { turn } from "../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";

/** A log whose readings the test answers by hand, and which counts how often records were looked into. */
export class DurablesByHand {
  readonly readings: { readonly start: LogStart; readonly reader: LogReader; isOver: boolean }[] = [];
  readonly marks: ((offset: number) => void)[] = [];
  readonly durables: Durables;
  looks = 0;
  readonly #byKey = new Map<string, Set<ScriptedClient>>();

  constructor(windowBytes = 1e9) {
    const relay = new Relay();
    relay.publishThrough({
      publish: (key, frame) => {
        for (const client of this.#byKey.get(key) ?? []) client.socket.send(frame as string);
      },
    });
    const log = {
      read: (start: LogStart, reader: LogReader) => {
        const reading = { start, reader, isOver: false };
        this.readings.push(reading);
        const stop = () => {
          reading.isOver = true;
        };
        return { handled: () => undefined, stop };
      },
      mark: (then: (offset: number, fingerprint: string) => void) => {
        this.marks.push((offset) => then(offset, `mark${offset}`));
        return () => undefined;
      },
      recordBytesMax: 1024 ** 2,
      ...nothingRepeated(),
    };
    this.durables = new Durables(log, relay, windowBytes, { firstMs: 1, mostMs: 2 });
  }

  subscribe(pattern: string, start: Start) {
    const client = new ScriptedClient((key, isIn) => {
      const there = this.#byKey.get(key) ?? new Set();
      if (isIn) there.add(client);
      else there.delete(client);
      this.#byKey.set(key, there);
    });
    const subscription = this.durables.add({
      socket: client.socket,
      clientId: "client",
      subscriptionId: "s",
      encoding: stompEncoding("1.2"),
      pattern,
      start,
      onSubscribed: () => undefined,
    });
    return { client, subscription };
  }

  log(from: number, to: number, topicOf: (offset: number) => string = () => "t"): void {
    for (let offset = from; offset < to; offset++) this.durables.logged(this.record(offset, topicOf(offset)));
  }

  record(offset: number, topic: string): LogRecord {
    const envelope = envelopeAt(offset, topic);
    const record = new LogRecord(offset, "wsmanager", envelope, () => contentsWith([]));
    const messages: readonly Message[] = [
      { body: String(offset), topic, id: `m-${offset}`, appId: "app", timestamp: 0 },
    ];
    Object.defineProperty(record, "messages", {
      get: () => {
        this.looks++;
        return messages;
      },
    });
    return record;
  }

  get running() {
    return this.readings.filter(({ isOver }) => !isOver);
  }

  async until(isSo: () => boolean): Promise<void> {
    for (let turns = 0; !isSo(); turns++) {
      if (turns > 5000) throw new Error(`in vain: ${JSON.stringify(this.durables.counts)}`);
      await turn();
    }
  }
}

export const envelopeAt = (offset: number, topic: string) =>
  seal({ body: String(offset), topic }, `m-${offset}`, "app", 0);
export const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => String(from + index));
export const after = (offset: number) => startAfter(String(offset))!;

/** The log has reached this offset, of which nothing is in memory yet. */
export function started(reached = 0, windowBytes?: number) {
  const self = new DurablesByHand(windowBytes);
  self.durables.marked(reached);
  return { self, durables: self.durables, subscribe: self.subscribe.bind(self) };
}

/** What is logged is in memory, by 100 topics. */
export async function filled(count: number) {
  const { self, durables } = started();
  self.log(1, count, (offset) => `t.${offset % 100}`);
  await turn();
  return { self, durables };
}
