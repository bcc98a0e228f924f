/**
 * `bun once.ts`: what a message costs that is looked at so that it comes once, in microseconds of this process's CPU: the medians of rounds.
 * And what is kept for that, in bytes. Prints JSON.
 */

import { contentsOf, type Envelope } from "../../../src/envelope/envelope.ts";
import { onceIdOf } from "../../../src/envelope/idempotency-key.ts";
import { sealPacked } from "../../../src/envelope/sealing.ts";
import { Once } from "../../../src/gateway/fan-out/once.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { Repeats } from "../../../src/log/repeats.ts";
import type { OutgoingMessage } from "../../../src/message.ts";
import { onceText } from "../../../src/message-id.ts";
import { median } from "../samples.ts";

/** Messages in a pack: about what gathers in 3 ms at 4,000/s. */
const inPack = 12;
const packs = 5000;
const rounds = 9;
const topic = "bench";
const body = "x".repeat(64);

/** The publishing process, and the number of the next message. */
const manager = "manager-0123456789ab";
let number = 0;

function packOf(appId: string, message: (index: number) => OutgoingMessage): Envelope {
  const first = number;
  number += inPack;
  const batch = Array.from({ length: inPack }, (_, index) => ({
    message: message(first + index),
    costBytes: 0,
    timestamp: 1_700_000_000,
    waiter: undefined,
    sinceMs: 0,
    share: undefined,
  }));
  const idOf = (each: number) => `${appId}-${each}`;
  return sealPacked(batch, { sequence: first, number: first }, { appId, idOf, hasCopies: false }).envelope;
}

/** Records as the feed has them, with the pack's table parsed, since that happens in any case. */
function recordsOf(envelopes: readonly Envelope[]): LogRecord[] {
  return envelopes.map((envelope, offset) => {
    const record = new LogRecord(offset, "wsmanager", envelope, (_, each) => contentsOf(each, `${offset}`));
    void record.heads;
    return record;
  });
}

function micros(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Microseconds a message. */
function marking(make: () => Envelope): number {
  const repeats = new Repeats();
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const envelopes = Array.from({ length: packs }, make);
    const records = recordsOf(envelopes);
    samples.push(
      micros(() => {
        for (const [at, record] of records.entries()) repeats.mark(record, envelopes[at]!);
      }) /
        (packs * inPack),
    );
  }
  if (repeats.count > 0) throw new Error(`${repeats.count} messages were taken for repeats`);
  return median(samples)!;
}

const fromClients = marking(() => packOf(manager, () => ({ topic, body, clientId: "anna" })));
const fromProcessors = marking(() =>
  packOf("processor-0123456789ab", (index) => ({ topic, body, id: `${manager}-${index}/processor/1` })),
);

/** The cost of a key for the manager that accepts the message. */
const windowMs = 120_000;
const keyed: number[] = [];
for (let round = 0; round < rounds; round++) {
  const once = new Once({ windowMs, bytesMax: 64 * 1024 ** 2 });
  const messages = Array.from({ length: packs }, (_, index) => ({
    topic,
    body: `${index}${body}`,
    clientId: "anna",
    headers: { "idempotency-key": crypto.randomUUID() },
  }));
  const waiter = { confirmed: () => undefined, setAside: () => undefined };
  keyed.push(
    micros(() => {
      for (const message of messages) {
        const admission = once.admit(message, message.headers["idempotency-key"], waiter);
        if (admission.is === "new") admission.waiter.confirmed();
      }
    }) / packs,
  );
}

/** The cost of a key for the other managers, which learn it from a pack. */
const learning: number[] = [];
for (let round = 0; round < rounds; round++) {
  const once = new Once({ windowMs, bytesMax: 64 * 1024 ** 2 });
  const repeats = new Repeats();
  const envelopes = Array.from({ length: packs }, () =>
    packOf(manager, (index) => {
      const message = { topic, body, clientId: "anna" };
      return { ...message, id: onceText(onceIdOf(message, `${index}`, Date.now(), windowMs)) };
    }),
  );
  const records = recordsOf(envelopes);
  learning.push(
    micros(() => {
      for (const [at, record] of records.entries()) {
        repeats.mark(record, envelopes[at]!);
        for (const { id } of record.heads) once.learn(id);
      }
    }) /
      (packs * inPack),
  );
}

const heapBytes = () => {
  Bun.gc(true);
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
};

/** How many bytes a follower keeps to drop repeats after so many messages. */
function memoryAfter(messages: number): number {
  const before = heapBytes();
  const repeats = new Repeats();
  for (let index = 0; index < messages; index++) {
    const envelope = {
      body: Buffer.alloc(0),
      routingKey: topic,
      contentType: "text/plain",
      messageId: `${manager}-${index}`,
    } as Envelope;
    const record = new LogRecord(index, "wsmanager", envelope, (_, each) => contentsOf(each, ""));
    repeats.mark(record, envelope);
  }
  const bytes = heapBytes() - before;
  if (repeats.count > 0) throw new Error("it was full");
  return Math.max(0, bytes);
}

process.stdout.write(
  `${JSON.stringify({
    fromClients,
    fromProcessors,
    keyed: median(keyed),
    learning: median(learning),
    fewBytes: memoryAfter(100),
    fullBytes: memoryAfter(1_000_000),
  })}\n`,
);
process.exit();
