import type { Waiter } from "../envelope/waiter.ts";
import type { FeedSink } from "../log/feed-sink.ts";
import type { Message, OutgoingMessage } from "../message.ts";
import type { Tracing } from "../ops/tracing.ts";
import { spanAfter, traceContextIn, withTrace } from "../trace-context.ts";

/** A message on its way to the broker, with what waits for its confirm. */
export interface Publishing {
  readonly message: OutgoingMessage;
  readonly waiter: Waiter | undefined;
}

/** Adds trace context to clients' messages: to those that already have one, and to one of every `oneIn` others. */
export class Traced {
  readonly #tracing: Tracing | undefined;
  readonly #oneIn: number;
  #untraced = 0;

  /**
   * @param tracing records spans; undefined: none are recorded, but messages carry their trace context all the same
   * @param oneIn begin a trace with one of this many messages; 0: with none
   */
  constructor(tracing: Tracing | undefined, oneIn: number) {
    this.#tracing = tracing;
    this.#oneIn = oneIn;
  }

  /** Returns the message with its trace context; undefined if it is in no sampled trace, and is published unchanged. */
  publishing(message: OutgoingMessage, waiter: Waiter | undefined): Publishing | undefined {
    const parent = traceContextIn(message.headers);
    if (parent === undefined ? !this.#isChosen() : !parent.isSampled || this.#tracing === undefined)
      return undefined;
    const context = spanAfter(parent);
    const inTrace = { ...message, headers: withTrace(message.headers, context) };
    const span = this.#tracing?.begin("publish", "producer", context, parent, aboutOf(message));
    if (span === undefined) return { message: inTrace, waiter };
    return {
      message: inTrace,
      waiter: {
        confirmed: () => {
          span.end();
          waiter?.confirmed();
        },
        setAside: (why) => {
          span.end(why);
          waiter?.setAside(why);
        },
      },
    };
  }

  #isChosen(): boolean {
    if (this.#oneIn === 0 || ++this.#untraced < this.#oneIn) return false;
    this.#untraced = 0;
    return true;
  }
}

/** Wraps a sink so that each delivery of a traced message is recorded as a span. */
export function tracedSink(sink: FeedSink, tracing: Tracing | undefined): FeedSink {
  if (tracing === undefined) return sink;
  const traced = (message: Message, work: () => void) => {
    const parent = traceContextIn(message.headers);
    if (parent?.isSampled !== true) return work();
    const span = tracing.begin("deliver", "consumer", spanAfter(parent), parent, aboutOf(message));
    work();
    span.end();
  };
  return {
    deliver: (message, recipient) => traced(message, () => sink.deliver(message, recipient)),
    relay: (message) => traced(message, () => sink.relay(message)),
    answer: (message, asker) => traced(message, () => sink.answer(message, asker)),
    wants: (topic) => sink.wants(topic),
    hasClient: (clientId) => sink.hasClient(clientId),
    hasAsker: (asker) => sink.hasAsker(asker),
    get publishedCount() {
      return sink.publishedCount;
    },
    get isSpreading() {
      return sink.isSpreading;
    },
    get hasClients() {
      return sink.hasClients;
    },
    get isFollowed() {
      return sink.isFollowed;
    },
    logged: (record) => sink.logged(record),
    marked: (offset, fingerprint) => sink.marked(offset, fingerprint),
    missed: (why) => sink.missed(why),
  };
}

function aboutOf({ topic, clientId }: OutgoingMessage): Readonly<Record<string, string>> {
  return {
    "messaging.system": "rabbitmq",
    "messaging.destination.name": topic,
    ...(clientId === undefined ? {} : { "messaging.client.id": clientId }),
  };
}
