import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePorts } from "../support/free-port.ts";

export type Way = "toBroker" | "toWarren";

/** How many bytes are cut off at the end of an AMQP frame, so that it is incomplete. */
const missingBytes = 3;

/**
 * A TCP proxy before RabbitMQ that shows the faults of networks. While it holds something back, it does not read either, so that the sender
 * gets TCP backpressure.
 */
export class FaultyProxy implements AsyncDisposable {
  readonly url: string;
  readonly #target: { readonly hostname: string; readonly port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #frozen = new Set<Way>();
  #delayMs = 0;
  #isRefusing = false;
  #acceptedCount = 0;
  #acceptedAtMs = 0;
  /** How many connections have reached RabbitMQ, and the last reason why one did not. */
  #reachedCount = 0;
  #unreached = "";
  #unreachedAtMs = 0;

  private constructor(url: string, server: Server, target: URL) {
    this.url = url;
    this.#server = server;
    this.#target = { hostname: target.hostname, port: Number(target.port) };
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** @param brokerUrl the URL of RabbitMQ. The proxy's URL differs in the port */
  static async start(brokerUrl: string): Promise<FaultyProxy> {
    const [port] = freePorts(1);
    const url = new URL(brokerUrl);
    url.port = String(port);
    const server = createServer({ noDelay: true }).listen(port, "127.0.0.1");
    await once(server, "listening");
    return new FaultyProxy(url.href, server, new URL(brokerUrl));
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Its current behaviour, in one line. */
  describe(): string {
    const held = [...this.#frozen].join(" and ") || "nothing";
    const state = this.#isRefusing ? "refuses" : "accepts";
    const ago = (ms: number) => `${Math.round((performance.now() - ms) / 1000)} s ago`;
    return `the proxy holds back ${held}, ${state} connections, has ${this.#pairs.size}, and has had ${this.#acceptedCount}, the last one ${ago(this.#acceptedAtMs)}; it has reached RabbitMQ for ${this.#reachedCount}${this.#unreached === "" ? "" : `, and could not ${ago(this.#unreachedAtMs)}: ${this.#unreached}`}`;
  }

  /** Ends every connection now, by a reset. */
  cut(): void {
    for (const pair of this.#pairs) pair.reset();
  }

  /** Ends every connection in the middle of the next frame that goes `way`. */
  cutMidFrame(way: Way): void {
    for (const pair of this.#pairs) pair.spoil(way, "cut");
  }

  /** Drops the end of the next frame that goes `way`, so that the following bytes make no sense. */
  truncate(way: Way): void {
    for (const pair of this.#pairs) pair.spoil(way, "truncate");
  }

  /** Silently drops everything that goes `way`, on existing and new connections. */
  freeze(...ways: Way[]): void {
    for (const way of ways) this.#frozen.add(way);
    this.#apply();
  }

  thaw(): void {
    this.#frozen.clear();
    this.#apply();
  }

  /** Silently drops everything on existing connections. New ones work. */
  strand(): void {
    for (const pair of this.#pairs) pair.hold(new Set(["toBroker", "toWarren"]));
  }

  /** Delays everything by this time, in order. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Ends every connection, and each new one at once. */
  refuse(): void {
    this.#isRefusing = true;
    this.cut();
  }

  accept(): void {
    this.#isRefusing = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(warren: Socket): void {
    this.#acceptedCount++;
    this.#acceptedAtMs = performance.now();
    if (this.#isRefusing) {
      warren.on("error", () => undefined);
      warren.resetAndDestroy();
      return;
    }
    const broker = connect({ host: this.#target.hostname, port: this.#target.port, noDelay: true });
    broker.on("connect", () => this.#reachedCount++);
    broker.on("error", ({ message }) => {
      this.#unreached = message;
      this.#unreachedAtMs = performance.now();
    });
    const pair = new Pair(warren, broker, () => this.#delayMs);
    this.#pairs.add(pair);
    pair.onEnd = () => this.#pairs.delete(pair);
    pair.hold(this.#frozen);
  }

  #apply(): void {
    for (const pair of this.#pairs) pair.hold(this.#frozen);
  }
}

/** One connection through the proxy. */
class Pair {
  onEnd: () => void = () => undefined;
  readonly #sockets: Readonly<Record<Way, { readonly from: Socket; readonly to: Socket }>>;
  readonly #spoil: Partial<Record<Way, "cut" | "truncate">> = {};
  readonly #delayMs: () => number;
  #held: ReadonlySet<Way> = new Set();

  constructor(warren: Socket, broker: Socket, delayMs: () => number) {
    this.#delayMs = delayMs;
    this.#sockets = {
      toBroker: { from: warren, to: broker },
      toWarren: { from: broker, to: warren },
    };
    for (const way of ["toBroker", "toWarren"] as const) {
      const { from, to } = this.#sockets[way];
      from.on("data", (bytes: Buffer) => this.#take(way, bytes));
      to.on("drain", () => this.#resume(way));
      from.on("error", () => this.reset());
      from.on("end", () => to.end());
      from.on("close", () => {
        to.destroySoon();
        this.onEnd();
      });
    }
  }

  hold(ways: ReadonlySet<Way>): void {
    this.#held = new Set(ways);
    for (const way of ["toBroker", "toWarren"] as const) {
      if (this.#held.has(way)) this.#sockets[way].from.pause();
      else this.#resume(way);
    }
  }

  spoil(way: Way, how: "cut" | "truncate"): void {
    this.#spoil[way] = how;
  }

  reset(): void {
    for (const { from } of Object.values(this.#sockets)) from.resetAndDestroy();
    this.onEnd();
  }

  #resume(way: Way): void {
    if (!this.#held.has(way)) this.#sockets[way].from.resume();
  }

  #take(way: Way, bytes: Buffer): void {
    const { from, to } = this.#sockets[way];
    const spoil = this.#spoil[way];
    delete this.#spoil[way];
    const passed = spoil === undefined ? bytes : bytes.subarray(0, Math.max(1, bytes.length - missingBytes));
    const pass = () => {
      if (to.destroyed) return;
      if (!to.write(passed)) from.pause();
    };
    const delayMs = this.#delayMs();
    if (delayMs > 0) setTimeout(pass, delayMs);
    else pass();
    // Everything that was passed on is written before the connection ends.
    if (spoil === "cut") setTimeout(() => this.reset(), 20);
  }
}
