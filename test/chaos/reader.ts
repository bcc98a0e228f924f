import { connectRaw, type Frame, opcodes, type RawConnection } from "../support/raw.ts";
import { ownText, placeOf, type Seen, saidIn, type View } from "./book.ts";
import { headerOf, type Listening, type ManagerAddress } from "./listening.ts";

const againAfterMs = 100;
const eventsKept = 400;
/** A message without meaning: an EOL between STOMP frames. The rate limit counts it all the same. */
const chatter = "\n";
const chatterCount = 150;

/** A reading client on a bare socket, so that it can stop reading. It connects again whenever it is closed. */
export class Reader implements View {
  readonly name: string;
  readonly listening: Listening;
  readonly seen: Seen[] = [];
  readonly connectedAt: number[] = [];
  readonly connectedTo: string[] = [];
  readonly faults: string[] = [];
  /** Its last events, for debugging. */
  readonly events: string[] = [];
  readonly subscribed: Promise<void>;
  readonly #subscribed = Promise.withResolvers<void>();
  readonly #managers: readonly ManagerAddress[];
  readonly #startedAt: number;
  #turn: number;
  #after: string | undefined;
  #connection: RawConnection | undefined;
  #wish: "here" | "away" = "here";
  #isClosed = false;
  #isReading = true;
  #life: Promise<void>;
  #woken = Promise.withResolvers<void>();

  /** @param turn the manager that it connects to first */
  constructor(
    name: string,
    listening: Listening,
    managers: readonly ManagerAddress[],
    turn: number,
    startedAt: number,
  ) {
    this.name = name;
    this.listening = listening;
    this.#managers = managers;
    this.#turn = turn;
    this.#startedAt = startedAt;
    this.subscribed = this.#subscribed.promise;
    this.#life = this.#live();
  }

  get isDurable(): boolean {
    return this.listening.how === "durable";
  }

  get isFromFirst(): boolean {
    return this.listening.isFromFirst === true;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  readonly wants = (topic: string): boolean => {
    const { topic: pattern } = this.listening;
    return pattern.endsWith("#") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern;
  };

  stopReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#tell("reads nothing");
    this.#connection?.stopReading();
  }

  readAgain(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#tell("reads again");
    this.#connection?.readAgain();
  }

  /** Sends more than its rate, so that it is held back. */
  chatter(): void {
    this.#tell("is over its rate");
    for (let count = 0; count < chatterCount; count++) this.#send(chatter);
  }

  /** Unsubscribes, disconnects, and connects again. */
  leave(): void {
    this.#tell("leaves");
    if (this.listening.how !== "text") {
      this.#send("UNSUBSCRIBE\nid:1\n\n\0");
      this.#send("DISCONNECT\nreceipt:bye\n\n\0");
    } else this.drop();
  }

  /** Cuts the connection, and connects again, to another manager if `moves`. */
  drop(moves = false): void {
    this.#tell(moves ? "goes to the other manager" : "drops its connection");
    if (moves) this.#turn++;
    void this.#connection?.[Symbol.asyncDispose]();
  }

  /** Ends the connection and stays away until `comeBack`. */
  goAway(): void {
    this.#wish = "away";
    this.drop();
  }

  comeBack(): void {
    this.#wish = "here";
    this.#woken.resolve();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.comeBack();
    await this.#connection?.[Symbol.asyncDispose]();
    await this.#life;
  }

  async #live(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#connectAndStay();
      } catch (error) {
        this.#tell(`is not let in: ${String(error)}`);
      }
      if (this.#wish === "away") {
        this.#woken = Promise.withResolvers();
        await this.#woken.promise;
      }
      if (!this.#isClosed) await Bun.sleep(againAfterMs);
    }
  }

  async #connectAndStay(): Promise<void> {
    const manager = this.#managers[this.#turn % this.#managers.length]!;
    const { how, topic } = this.listening;
    const isStomp = how !== "text";
    const number = this.connectedAt.push(performance.now()) - 1;
    this.connectedTo.push(manager.name);
    const connection = await connectRaw(manager.url, isStomp ? "/ws" : `/ws?topic=${topic}`, {
      ...(isStomp ? { headers: { "Sec-WebSocket-Protocol": "v12.stomp" } } : {}),
      onFrame: (frame) => this.#take(number, frame),
    });
    if (connection.status !== 101) {
      await connection[Symbol.asyncDispose]();
      throw new Error(connection.head.split("\r\n")[0]);
    }
    this.#connection = connection;
    this.#isReading = true;
    this.#tell(
      `connection ${number} to ${manager.name}${this.#after === undefined ? "" : `, after ${this.#after}`}`,
    );
    if (isStomp) {
      this.#send("CONNECT\naccept-version:1.2\n\n\0");
      this.#send(`SUBSCRIBE\nid:1\ndestination:/topic/${topic}\nreceipt:subscribed\n${this.#begin()}\n\0`);
    } else this.#subscribed.resolve();
    await connection.ended;
    this.#connection = undefined;
    this.#tell(`connection ${number} has ended`);
  }

  #begin(): string {
    if (!this.isDurable) return "";
    if (this.#after !== undefined) return `x-stream-after:${this.#after}\n`;
    return `x-stream-offset:${this.isFromFirst ? "first" : "next"}\n`;
  }

  #send(text: string): void {
    this.#sendFrame(opcodes.text, text);
  }

  #sendFrame(opcode: number, payload: Uint8Array | string): void {
    try {
      this.#connection?.sendFrame(opcode, payload);
    } catch {
      // The connection has ended, or its buffers are full, since nothing is read. The frame does not matter then.
    }
  }

  #take(connection: number, { opcode, payload }: Frame): void {
    if (opcode === opcodes.ping) this.#sendFrame(opcodes.pong, payload);
    if (opcode === opcodes.close) {
      this.#tell(`is closed with ${payload.length < 2 ? "no code" : Buffer.from(payload).readUInt16BE(0)}`);
      this.drop();
    }
    if (opcode !== opcodes.text && opcode !== opcodes.binary) return;
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
    if (this.listening.how === "text") this.#note(connection, text, "", undefined, false);
    else this.#takeStomp(connection, text);
  }

  #takeStomp(connection: number, frame: string): void {
    const end = frame.indexOf("\n\n");
    const head = frame.slice(0, end);
    if (head.startsWith("MESSAGE")) {
      const position = headerOf(head, "x-stream-offset");
      const isAfterGap = headerOf(head, "x-stream-gap") === "true";
      if (this.isDurable && (position === undefined || placeOf(position) === undefined))
        this.faults.push(`a durable MESSAGE without a position: ${head}`);
      if (isAfterGap) this.#tell(`is told of a gap before ${position}; had ${this.#after}`);
      if (this.isDurable) this.#after = position && ownText(position);
      const id = ownText(headerOf(head, "message-id") ?? "");
      this.#note(connection, frame.slice(end + 2), id, position, isAfterGap);
    } else if (head.startsWith("RECEIPT")) {
      if (headerOf(head, "receipt-id") !== "subscribed") return;
      // Its place was found only now, perhaps in another log than the one at the time of its connect.
      if (this.isDurable) this.connectedAt[connection] = performance.now();
      this.#after ??= headerOf(head, "x-stream-after");
      this.#tell(`its subscription is in force, after ${this.#after}`);
      this.#subscribed.resolve();
    } else if (head.startsWith("ERROR")) this.faults.push(frame.slice(0, 500));
  }

  #note(
    connection: number,
    body: string,
    id: string,
    position: string | undefined,
    isAfterGap: boolean,
  ): void {
    const said = saidIn(body);
    if (said === undefined) {
      if (body.startsWith(chatter)) return;
      this.faults.push(`a message that nobody has sent: ${body.slice(0, 100)}`);
      return;
    }
    const place = position === undefined ? undefined : placeOf(position);
    this.seen.push({ at: performance.now(), connection, said, id, place, isAfterGap });
  }

  #tell(what: string): void {
    const last = this.seen.at(-1);
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(2);
    this.events.push(`${seconds} s: ${what} (${this.seen.length} seen, the last one ${last?.said.key})`);
    if (this.events.length > eventsKept) this.events.shift();
  }
}
