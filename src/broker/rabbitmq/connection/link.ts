import { type ChannelModel, connect } from "amqplib";
import { backoffMs } from "../../../backoff.ts";
import { codeOf, FatalError, reasonOf } from "../../../errors.ts";
import type { Logger } from "../../../ops/logger.ts";
import type { LoopTime } from "../../../ops/loop-time.ts";
import { withoutPassword } from "../../../redact.ts";
import { version } from "../../../version.ts";
import { FrameReader } from "../frames/frame-reader.ts";
import { abandon } from "../frames/innards.ts";
import { type Access, credentialsOf, loginTo } from "./access.ts";
import { connectFault } from "./connect-fault.ts";
import { BeginAnew, Life } from "./life.ts";
import type { LinkTiming } from "./link-timing.ts";
import type { Outage } from "./outage.ts";
import { Patience } from "./patience.ts";
import { rejectAfter } from "./reject-after.ts";
import type { Silenced } from "./silenced.ts";
import { type Drop, isOverMessage, whyLost } from "./watch.ts";
import { whileAnswered } from "./while-answered.ts";

/**
 * After RabbitMQ has closed the connection over what it was sent, or if there was no fault, the next attempt follows within this time in
 * milliseconds, for at most `hurriedMax` attempts in a row.
 */
const hurriedMs = 20;
const hurriedMax = 30;

/** The state of a link to RabbitMQ. */
export type LinkState =
  /** `why` it is not open; unknown until the first attempt has failed. */
  | { readonly is: "connecting"; readonly why?: string }
  | { readonly is: "open"; readonly connection: ChannelModel }
  | { readonly is: "closed" };

/** What a connection to RabbitMQ is made of, and what is called for it. */
export interface LinkOptions {
  /** The purpose of the connection, as the logs and RabbitMQ's management page show it. */
  readonly name: string;
  /** The nodes of one cluster, tried in turn. */
  readonly urls: readonly string[];
  readonly access: Access;
  readonly timing: LinkTiming;
  readonly logger: Logger;
  /** Logs losses and returns, for all links of this process together. */
  readonly outage: Outage;
  /** Shares out the event loop's time; absent: what RabbitMQ sends has a share of its own. */
  readonly loop?: LoopTime | undefined;
  /**
   * Declares and subscribes on each new connection. If it throws, the connection is dropped and the next one starts afresh. A `FatalError`
   * ends the link for good until everything was in force once.
   */
  setUp(life: Life): Promise<void>;
  /** Called when everything from `setUp` is in force. */
  opened(): void;
  /** Called with an error that waiting cannot mend. */
  onFatal(error: Error): void;
}

/**
 * One connection to RabbitMQ that is kept up: it connects, sets up, waits until the connection is lost for whatever reason, and starts
 * again after a backoff. A fault on any channel drops the whole connection. Rebuilding everything in the same way each time is what makes
 * recovery testable.
 *
 * amqplib's own recovery was tried and rejected: it attaches its listeners only after its setup has resolved, it does not know several
 * nodes, and only the outbox knows what has to be published again (docs/decisions.md).
 */
export class Link {
  readonly #options: LinkOptions;
  #state: LinkState = { is: "connecting" };
  readonly #closing = Promise.withResolvers<void>();
  /** Rejects when the link is told to close, to end whatever is being waited for. */
  readonly #stopped: Promise<never> = this.#closing.promise.then(() => Promise.reject(new Error("stopping")));
  /** Rejects when the link was told to close and has waited long enough for RabbitMQ's answer. */
  readonly #givenUp = Promise.withResolvers<never>();
  #isClosing = false;
  #running: Promise<void> | undefined;
  #wasOpenOnce = false;
  /** The last connection, if RabbitMQ fell silent on it and may still do what it was sent. */
  #silenced: Silenced | undefined;
  #isByCertificate = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    for (const promise of [this.#stopped, this.#givenUp.promise]) promise.catch(() => undefined);
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** @param timeoutMs how long to wait for a RabbitMQ that does not answer, if that is less than `closeTimeoutMs` */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    this.#closing.resolve();
    const timer = setTimeout(() => this.#givenUp.reject(new Error("closing took too long")), timeoutMs);
    await this.#running;
    clearTimeout(timer);
    if (this.#silenced !== undefined) abandon(this.#silenced.connection, new Error("stopping"));
    this.#state = { is: "closed" };
  }

  async #run(): Promise<void> {
    const { urls, timing } = this.#options;
    let attempt = 0;
    while (!this.#isClosing) {
      const url = urls[attempt % urls.length]!;
      const startedAt = performance.now();
      const fault = await this.#live(url);
      if (fault === undefined || this.#isClosing) return;
      // What has worked once is mended where it broke, such as a right that was taken away: clients should not pay for that.
      if (fault instanceof FatalError && !this.#wasOpenOnce) {
        this.#state = { is: "closed" };
        this.#options.onFatal(fault);
        return;
      }
      const wasGood = performance.now() - startedAt >= timing.goodAfterMs;
      attempt = wasGood ? 1 : attempt + 1;
      this.#noteLoss(url, fault);
      // Each node of a cluster is tried once before the wait grows.
      const round = Math.ceil(attempt / urls.length);
      const waitMs = backoffMs(round, timing.backoff, Math.random());
      // Attempts to find out which message RabbitMQ does not take should be quick, since all other messages wait.
      const isHurried = attempt <= hurriedMax && (fault instanceof BeginAnew || isOverMessage(fault));
      await this.#wait(isHurried ? Math.min(waitMs, hurriedMs) : waitMs);
    }
  }

  /** Opens one connection and waits for its end. Returns why it ended, or undefined if `close` ended it. */
  async #live(url: string): Promise<Error | undefined> {
    const { setUp, timing, outage, name, logger, loop } = this.#options;
    let connection: ChannelModel;
    let reader: FrameReader;
    const tell = { connection: name, broker: withoutPassword(url) };
    try {
      logger.debug("broker connecting", tell);
      connection = await this.#connect(url);
      reader = new FrameReader(connection, loop);
    } catch (error) {
      return connectFault(error, url, !this.#wasOpenOnce, this.#isByCertificate);
    }
    const ended = Promise.withResolvers<Error>();
    // The error event comes before close and says more.
    connection.on("error", (error: Error) => ended.resolve(error));
    connection.on("close", (error?: Error) => ended.resolve(error ?? new Error("connection closed")));
    const drop: Drop = (why) => ended.resolve(typeof why === "string" ? new Error(why) : why);
    const life = new Life(connection, reader, drop);
    const patience = new Patience(connection, timing.answerTimeoutMs, life.drop);
    let fault: Error | undefined;
    try {
      logger.debug("broker connected, declaring", tell);
      await whileAnswered(connection, timing.openTimeoutMs, [
        this.#endSilenced().then(() => (life.isOver ? undefined : setUp(life))),
        ended.promise.then((error) => Promise.reject(error)),
        this.#stopped,
      ]);
      this.#state = { is: "open", connection };
      this.#wasOpenOnce = true;
      outage.open(name, { broker: withoutPassword(url) });
      this.#options.opened();
      fault = await Promise.race([ended.promise, this.#closing.promise.then(() => undefined)]);
    } catch (error) {
      fault = life.explained(error instanceof Error ? error : new Error(String(error)));
    }
    patience.end();
    this.#state = { is: "connecting", why: fault === undefined ? "stopping" : whyLost(fault) };
    life.end();
    this.#silenced ??= life.silencedBy(fault);
    if (this.#silenced?.connection !== connection) await this.#closeConnection(connection);
    return fault;
  }

  /** RabbitMQ answers again. What the last connection had to itself, such as exclusive queues, is free after this. */
  async #endSilenced(): Promise<void> {
    const silenced = this.#silenced;
    if (silenced === undefined) return;
    await silenced.done();
    this.#silenced = undefined;
    await this.#closeConnection(silenced.connection);
  }

  async #connect(url: string): Promise<ChannelModel> {
    const { name, access, timing } = this.#options;
    const secrets = access.read();
    const login = loginTo(url, secrets);
    const { url: withHeartbeat } = login;
    this.#isByCertificate = login.user === undefined;
    if (!withHeartbeat.searchParams.has("heartbeat")) {
      withHeartbeat.searchParams.set("heartbeat", String(timing.heartbeatSeconds));
    }
    const connecting = connect(withHeartbeat.href, {
      ...secrets.tls,
      credentials: credentialsOf(login),
      noDelay: true,
      timeout: timing.openTimeoutMs,
      clientProperties: { connection_name: `warren ${name}`, product: "Warren", version },
    });
    const timeout = rejectAfter(timing.openTimeoutMs + 1000, "connecting took too long");
    try {
      return await Promise.race([connecting, timeout.promise, this.#stopped]);
    } catch (error) {
      // If the connection opens later after all, it is not needed any more.
      connecting.then((late) => this.#closeConnection(late)).catch(() => undefined);
      throw error;
    } finally {
      timeout.cancel();
    }
  }

  #noteLoss(url: string, fault: Error): void {
    const { outage, name } = this.#options;
    const why = whyLost(fault);
    this.#state = { is: "connecting", why };
    const message = this.#wasOpenOnce ? "broker lost, reconnecting" : "broker not reachable, trying again";
    outage.lost(name, message, {
      broker: withoutPassword(url),
      reason: why,
      ...(codeOf(fault) === undefined ? {} : { code: codeOf(fault) }),
    });
  }

  async #closeConnection(connection: ChannelModel): Promise<void> {
    // One that opened too late has no listener yet. If it breaks before it is closed, amqplib throws an error that nobody listens to.
    connection.on("error", () => undefined);
    const timeout = rejectAfter(this.#options.timing.closeTimeoutMs, "closing took too long");
    try {
      await Promise.race([connection.close(), timeout.promise, this.#givenUp.promise]);
    } catch (error) {
      // It was closed already, or RabbitMQ does not answer. In either case the socket must not stay open.
      this.#options.logger.debug("connection dropped", {
        connection: this.#options.name,
        reason: reasonOf(error),
      });
      abandon(connection, error instanceof Error ? error : new Error(String(error)));
    } finally {
      timeout.cancel();
    }
  }

  async #wait(ms: number): Promise<void> {
    const waited = Promise.withResolvers<void>();
    const timer = setTimeout(waited.resolve, ms);
    await Promise.race([waited.promise, this.#closing.promise]);
    clearTimeout(timer);
  }
}
