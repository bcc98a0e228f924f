import type {
  Broker,
  BrokerStatus,
  Consumer,
  ConsumeSession,
  Exchange,
  Publisher,
} from "../../../src/broker/broker.ts";
import { type Envelope, open, seal } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import type { OutgoingMessage } from "../../../src/message.ts";
import { MessageTrace } from "../../../src/ops/message-trace.ts";
import type { Handler } from "../../../src/processor/handler.ts";
import { Processor, type ProcessorOptions } from "../../../src/processor/processor.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";
import { turn } from "../doubles/turn.ts";

/** A broker that delivers and confirms when it is told to, and remembers what it got. */
export class ScriptedBroker implements Broker {
  readonly abandonedGroups = [];
  readonly fullQueues = [];
  readonly published: Record<Exchange, Envelope[]> = { wsmanager: [], towsmanager: [], "wsmanager.dead": [] };
  readonly acks: [tag: number, multiple: boolean][] = [];
  readonly taken: number[] = [];
  isStopped = false;
  /** What cannot be written: a link that gets it ends, and the next one opens at once. */
  isUnwritable: (envelope: Envelope) => boolean = () => false;
  #consumer!: Consumer;
  readonly #publishers = new Map<Exchange, Publisher>();
  #lastTag = 0;

  attachPublisher(exchange: Exchange, publisher: Publisher): void {
    this.#publishers.set(exchange, publisher);
  }
  attachEventConsumer(): void {
    throw new Error("not asked for here");
  }

  attachReplyConsumer(): never {
    throw new Error("a processor asks nothing");
  }
  attachConsumer(_: string, __: number, consumer: Consumer): void {
    this.#consumer = consumer;
  }
  readonly hasLog = false;
  attachEvents(): never {
    throw new Error("a processor tells of no clients");
  }
  attachLeavers(): void {
    // Nobody asks here.
  }
  attachFollower(): never {
    throw new Error("a processor follows nothing");
  }
  read(): never {
    throw new Error("a processor reads no log");
  }
  mark(): never {
    throw new Error("a processor asks for no marks");
  }
  start(): void {
    for (const [exchange, publisher] of this.#publishers) this.#open(exchange, publisher);
    this.begin();
  }
  #open(exchange: Exchange, publisher: Publisher): void {
    publisher.opened({
      send: (envelopes) => {
        if (envelopes.some((envelope) => this.isUnwritable(envelope))) throw new Error("cannot be written");
        this.published[exchange].push(...envelopes);
      },
      isCostly: true,
      headBytesMax: Number.POSITIVE_INFINITY,
      unwritten: 0,
      giveUp: () => queueMicrotask(() => this.#open(exchange, publisher)),
    });
  }
  queuedIn(): number {
    return 7;
  }
  status(): BrokerStatus {
    return { state: "ready" };
  }
  settle(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  begin(): void {
    this.#lastTag = 0;
    const session: ConsumeSession = {
      ack: (tag, multiple) => void this.acks.push([tag, multiple]),
      take: (count) => void this.taken.push(count),
      stop: () => {
        this.isStopped = true;
      },
    };
    this.#consumer.opened(session);
  }
  lose(): void {
    this.#consumer.closed();
  }
  deliver(envelope: Envelope, returns = 0): void {
    this.#consumer.deliver(++this.#lastTag, envelope, returns);
  }
  confirm(exchange: Exchange): void {
    this.#publishers.get(exchange)!.confirmed(this.published[exchange].length, true);
  }

  bodies(exchange: Exchange): (string | Uint8Array)[] {
    return this.published[exchange].flatMap((envelope) => open(envelope, "?").map(({ body }) => body));
  }
}

const defaults: ProcessorOptions = {
  group: "g",
  concurrency: 10,
  prefetch: 100,
  prefetchBytes: 1024 ** 2,
  attempts: 2,
  handlerTimeoutMs: 60_000,
  outboxMaxBytes: 1024 ** 2,
};

export function processing(
  handler: Handler,
  options: Partial<ProcessorOptions> = {},
  suspectHandler?: Handler,
  isFor?: (topic: string) => boolean,
) {
  const broker = new ScriptedBroker();
  const logger = new RecordingLogger();
  const messageTrace = new MessageTrace(logger, "off");
  const all = { ...defaults, ...options };
  const processor = new Processor(
    "p-1",
    all,
    { handle: handler, isFor },
    broker,
    logger,
    messageTrace,
    suspectHandler,
  );
  broker.start();
  return { broker, logger, processor };
}

export const asked = (body: string, clientId: string | undefined = "c", topic = "") =>
  seal({ body, topic, clientId }, `id of ${body}`, "manager-1", 1);

export function packedOf(...messages: OutgoingMessage[]): Envelope {
  return {
    ...asked(""),
    body: pack(messages),
    contentType: packedContentType,
    messageId: "pack",
    clientId: undefined,
  };
}

/** Lets all that is due be done: turns of the event loop, promises, and what they set off. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

/** Work that takes until it is told to end. */
export function slowHandler() {
  const begun = new Map<string, PromiseWithResolvers<unknown>>();
  const handler: Handler = ({ text }) => {
    const work = Promise.withResolvers<unknown>();
    begun.set(text, work);
    return work.promise;
  };
  return {
    handler,
    begun: () => [...begun.keys()],
    end: (text: string, answer: unknown) => begun.get(text)!.resolve(answer),
  };
}
