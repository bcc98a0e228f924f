import { connectRaw, type Frame, opcodes, type RawConnection } from "../support/raw.ts";
import { keyOf, type MessageKey } from "./ledger.ts";

const againAfterMs = 100;
const answerPrefix = "processed message: ";

/** The options of an onlooker. */
export interface Watch {
  /** `text` is one topic, the others are patterns. */
  readonly how: "durable" | "live" | "text";
  readonly topic: string;
  /** How many subscriptions it has, all to the same: 1 of text. */
  readonly subscriptions: number;
  /** Where durable ones begin. */
  readonly from?: "first" | "next";
}

/** The state of one subscription. */
interface View {
  position: string | undefined;
  readonly seen: Set<string>;
  /** The number of each client's last message, or last answer, and where it was. */
  readonly last: Map<string, { readonly number: number; readonly position: string | undefined }>;
  gaps: number;
}

/**
 * A client that listens over a bare socket, so that it can stop reading. The messages of each client of the load are numbered: a number that
 * is not the next one is a fault, unless there was a gap, or a live onlooker has reconnected.
 */
export class Onlooker implements AsyncDisposable {
  readonly name: string;
  readonly faults: string[] = [];
  readonly subscribed: Promise<void>;
  connections = 0;
  /** The bytes of all messages that it has read. */
  readBytes = 0;
  readonly #url: string;
  readonly #watch: Watch;
  readonly #views: readonly View[];
  readonly #subscribed = Promise.withResolvers<void>();
  #confirmed = 0;
  #connection: RawConnection | undefined;
  #isClosed = false;
  readonly #life: Promise<void>;

  /** @param url of the manager, without a path */
  constructor(name: string, url: string, watch: Watch) {
    this.name = name;
    this.#url = url;
    this.#watch = watch;
    this.#views = Array.from({ length: watch.subscriptions }, () => ({
      position: undefined,
      seen: new Set(),
      last: new Map(),
      gaps: 0,
    }));
    this.subscribed = this.#subscribed.promise;
    this.#life = this.#live();
  }

  /** How often each of its subscriptions was told of a gap. */
  get gaps(): readonly number[] {
    return this.#views.map(({ gaps }) => gaps);
  }

  /** Whether all of its subscriptions have this message. */
  has({ client, number }: MessageKey): boolean {
    return this.#views.every(({ seen }) => seen.has(`${client}:${number}`));
  }

  /** Whether each of its subscriptions has got something, so that it has a place in the log. */
  get hasPlaces(): boolean {
    return this.#views.every(({ position }) => position !== undefined);
  }

  stopReading(): void {
    this.#connection?.stopReading();
  }

  readAgain(): void {
    this.#connection?.readAgain();
  }

  /** Publishes a message, so that the manager holds this client back like other publishers. */
  speak(): void {
    this.#send("SEND\ndestination:/topic/onlookers\n\nhello\0");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.[Symbol.asyncDispose]();
    await this.#life;
  }

  async #live(): Promise<void> {
    while (!this.#isClosed) {
      await this.#connectAndStay().catch(() => undefined);
      if (!this.#isClosed) await Bun.sleep(againAfterMs);
    }
  }

  async #connectAndStay(): Promise<void> {
    const { how, topic } = this.#watch;
    const isText = how === "text";
    if (how !== "durable") for (const { last } of this.#views) last.clear();
    const connection = await connectRaw(this.#url, isText ? `/ws?topic=${topic}` : "/ws", {
      ...(isText ? {} : { headers: { "Sec-WebSocket-Protocol": "v12.stomp" } }),
      onFrame: (frame) => this.#take(frame),
    });
    this.#connection = connection;
    this.connections++;
    if (isText) this.#subscribed.resolve();
    else this.#send("CONNECT\naccept-version:1.2\n\n\0");
    for (const [index, view] of this.#views.entries())
      if (!isText)
        this.#send(
          `SUBSCRIBE\nid:${index}\ndestination:/topic/${topic}\nreceipt:subscribed\n${this.#begin(view)}\n\0`,
        );
    await connection.ended;
    this.#connection = undefined;
  }

  #begin({ position }: View): string {
    const { how, from = "next" } = this.#watch;
    if (how !== "durable") return "";
    return position === undefined ? `x-stream-offset:${from}\n` : `x-stream-after:${position}\n`;
  }

  #send(payload: string | Uint8Array, opcode: number = opcodes.text): void {
    try {
      this.#connection?.sendFrame(opcode, payload);
    } catch {
      // The connection has ended. It sends the same on the next one.
    }
  }

  #take({ opcode, payload }: Frame): void {
    if (opcode === opcodes.close) void this.#connection?.[Symbol.asyncDispose]();
    // One that has nothing to send and reads well is taken for vanished otherwise.
    if (opcode === opcodes.ping) this.#send(payload, opcodes.pong);
    if (opcode !== opcodes.text && opcode !== opcodes.binary) return;
    this.readBytes += payload.byteLength;
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
    if (this.#watch.how === "text") this.#note(this.#views[0]!, text);
    else this.#takeStomp(text);
  }

  #takeStomp(frame: string): void {
    const end = frame.indexOf("\n\n");
    const head = frame.slice(0, end);
    if (head.startsWith("RECEIPT") && ++this.#confirmed >= this.#views.length) this.#subscribed.resolve();
    if (head.startsWith("ERROR")) this.#fault(frame);
    if (!head.startsWith("MESSAGE")) return;
    const view = this.#views[Number(/^subscription:(\d+)$/m.exec(head)?.[1])]!;
    view.position = /^x-stream-offset:(.*)$/m.exec(head)?.[1];
    if (/^x-stream-gap:true$/m.test(head)) {
      view.gaps++;
      view.last.clear();
    }
    this.#note(view, frame.slice(end + 2));
  }

  #note(view: View, body: string): void {
    const { seen, last, position } = view;
    const key = keyOf(body);
    if (key === undefined) return;
    const isAnswer = body.startsWith(answerPrefix);
    const who = `${isAnswer ? "answer to " : ""}${key.client}`;
    const before = last.get(who);
    if (before !== undefined && key.number !== before.number + 1)
      this.#fault(
        `${who}:${key.number} at ${position} came after ${before.number} at ${before.position} (subscription ${this.#views.indexOf(view)})`,
      );
    last.set(who, { number: key.number, position });
    if (!isAnswer) seen.add(`${key.client}:${key.number}`);
  }

  #fault(what: string): void {
    if (this.faults.length < 20) this.faults.push(`${this.name}: ${what}`);
  }
}
