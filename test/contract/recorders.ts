import type {
  Broker,
  Consumer,
  ConsumeSession,
  Follower,
  Publisher,
  PublishLink,
  RecordExchange,
} from "../../src/broker/broker.ts";
import type { Envelope } from "../../src/envelope/envelope.ts";
import { until } from "../support/wait.ts";

/** An envelope with the given fields. The others are like those of a plain-text client. */
export function envelopeOf(text: string, parts: Partial<Envelope> = {}): Envelope {
  return {
    body: Buffer.from(text),
    routingKey: "",
    contentType: "text/plain",
    // As Warren names its messages, so that the app id is nobody's own.
    messageId: `contract-${text}`,
    timestamp: 1_795_467_696,
    appId: "contract",
    clientId: "client",
    headers: undefined,
    ...parts,
  };
}

/** Publishes on demand, and records confirms. */
export class RecordingPublisher implements Publisher {
  readonly waitingCount = 0;
  link: PublishLink | undefined;
  linkCount = 0;
  blockedStates: boolean[] = [];
  /** Highest tag confirmed on this link with everything below it confirmed too. */
  confirmedTags = new Set<number>();
  refusedTags: number[] = [];
  onOpened: (link: PublishLink) => void = () => undefined;
  #sentOnLink = 0;

  opened(link: PublishLink): void {
    this.link = link;
    this.linkCount++;
    this.#sentOnLink = 0;
    this.confirmedTags = new Set();
    this.onOpened(link);
  }
  confirmed(tag: number, multiple: boolean): void {
    for (let each = multiple ? 1 : tag; each <= tag; each++) this.confirmedTags.add(each);
  }
  refused(tag: number): void {
    this.refusedTags.push(tag);
  }
  blocked(isBlocked: boolean): void {
    this.blockedStates.push(isBlocked);
  }
  closed(): void {
    this.link = undefined;
  }

  /** Sends on the present link, and again on the next one if that is lost, until all of it is confirmed. */
  async publish(...envelopes: Envelope[]): Promise<void> {
    while (!(await this.#isConfirmedOnLink(envelopes)));
  }

  /** Sends on the present link. Returns whether all of it was confirmed before the link was lost. */
  async #isConfirmedOnLink(envelopes: Envelope[]): Promise<boolean> {
    const link = await until(() => this.link, "a link to publish on");
    // The next link has a set of its own.
    const { confirmedTags } = this;
    const tags = envelopes.map((_, index) => this.#sentOnLink + index + 1);
    this.#sentOnLink += envelopes.length;
    link.send(envelopes);
    const isConfirmed = () => tags.every((tag) => confirmedTags.has(tag));
    await until(() => isConfirmed() || this.link !== link, `${envelopes.length} confirms`);
    return isConfirmed();
  }
}

/** Records deliveries, and acknowledges each at once, unless it is told not to. */
export class RecordingConsumer implements Consumer {
  readonly deliveries: { readonly tag: number; readonly envelope: Envelope; readonly returns: number }[] = [];
  session: ConsumeSession | undefined;
  readonly #acksAtOnce: boolean;

  constructor(acks: "at once" | "by hand" = "at once") {
    this.#acksAtOnce = acks === "at once";
  }

  opened(session: ConsumeSession): void {
    this.session = session;
  }
  deliver(tag: number, envelope: Envelope, returns: number): void {
    this.deliveries.push({ tag, envelope, returns });
    if (this.#acksAtOnce) this.session?.ack(tag, false);
  }
  closed(): void {
    this.session = undefined;
  }

  get texts(): string[] {
    return this.deliveries.map(({ envelope }) => envelope.body.toString());
  }
}

/** Records what the follower gets. */
export class RecordingFollower implements Follower {
  patienceMs = 0;
  readonly records: {
    readonly offset: number;
    readonly exchange: RecordExchange;
    readonly envelope: Envelope;
  }[] = [];

  readonly marks: number[] = [];
  /** How many records had come when it was told that some are missing. */
  readonly gapsBehind: number[] = [];

  record(offset: number, exchange: RecordExchange, envelope: Envelope): void {
    this.records.push({ offset, exchange, envelope });
  }
  marked(offset: number): void {
    this.marks.push(offset);
  }
  missed(): void {
    this.gapsBehind.push(this.records.length);
  }

  get texts(): string[] {
    return this.records.map(({ envelope }) => envelope.body.toString());
  }
}

/** Starts a broker, and waits until everything that was attached to it is ready. Any failure fails the test. */
export async function startAndWait(broker: Broker): Promise<void> {
  let fatal: Error | undefined;
  broker.start((error) => {
    fatal = error;
  });
  await until(() => {
    if (fatal !== undefined) throw fatal;
    return broker.status().state === "ready";
  }, "the broker to be ready");
}
