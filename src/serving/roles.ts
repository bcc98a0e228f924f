import type { Broker } from "../broker/broker.ts";
import { eventsGroup } from "../broker/events.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import { Manager } from "../manager/manager.ts";
import type { Logger } from "../ops/logger.ts";
import { LoopTime } from "../ops/loop-time.ts";
import { MessageTrace } from "../ops/message-trace.ts";
import { buildInfo } from "../ops/metrics.ts";
import { Tracing } from "../ops/tracing.ts";
import type { WatchedAdmin } from "../ops/watched-admin.ts";
import type { Options } from "../options/table.ts";
import { eventWork, keysFor } from "../processor/event-work.ts";
import type { Work } from "../processor/handler.ts";
import { Processor } from "../processor/processor.ts";
import { Quarantine, quarantineCommand } from "../processor/quarantine.ts";
import { Stalls } from "../processor/stalls.ts";
import { adminOf, authFor, brokerFor, workFor } from "./parts.ts";

/** How much longer than `--stop-timeout` closing the connections to clients and RabbitMQ may take, in milliseconds. */
const partingAfterStopTimeoutMs = 300;

/** The addresses of a process; undefined where it does not listen. */
export interface Urls {
  readonly url: URL | undefined;
  readonly adminUrl: URL | undefined;
}

/** The parts of a serving process: a manager, a processor or both, with what they share. */
export class Roles {
  readonly manager: Manager | undefined;
  readonly #processor: Processor | undefined;
  /** Handles the events of clients, if the handler has functions for any. */
  readonly #eventProcessor: Processor | undefined;
  readonly #quarantine: Quarantine;
  readonly #stalls: Stalls | undefined;
  readonly #admin: WatchedAdmin | undefined;
  readonly #broker: Broker;
  readonly #auth: Auth | undefined;
  readonly #tracing: Tracing | undefined;
  readonly #messageTrace: MessageTrace;
  /** Shares out the event loop's time among all of them. */
  readonly #loop: LoopTime;

  private constructor(
    id: string,
    options: Options,
    logger: Logger,
    work: Work,
    broker: Broker,
    auth: Auth | undefined,
    loop: LoopTime,
  ) {
    const { role, group, handler } = options;
    this.#broker = broker;
    this.#auth = auth;
    this.#loop = loop;
    const isWatched = options.logMessages !== "auto" || process.stdout.isTTY;
    this.#messageTrace = new MessageTrace(logger, isWatched ? options.logMessages : "off");
    const tracing =
      options.otlpUrl === undefined ? undefined : new Tracing(options.otlpUrl, `warren-${role}`, logger);
    this.#tracing = tracing;
    this.manager = role === "processor" ? undefined : this.#managerOf(id, options, logger);
    this.#quarantine = new Quarantine(quarantineCommand(group, handler), options.handlerTimeoutMs, logger);
    if (role === "manager") return;
    const stalls = new Stalls();
    this.#stalls = stalls;
    const processor = new Processor(
      `processor-${id}`,
      options,
      work,
      broker,
      logger,
      this.#messageTrace,
      this.#quarantine.handle,
      undefined,
      stalls,
    );
    processor.tracing = tracing;
    this.#processor = processor;
    this.#eventProcessor = this.#eventProcessorOf(id, options, work, logger);
    if (role === "processor") this.#admin = adminOf(processor, broker, tracing, options, logger);
  }

  /**
   * @param id the common part of its roles' names
   * @throws FatalError if the handler or the keys cannot be used
   */
  static async open(id: string, options: Options, logger: Logger): Promise<Roles> {
    const work = await workFor(options, logger);
    const loop = new LoopTime();
    const broker = brokerFor(options, `${options.role}-${id}`, logger, loop);
    const auth = await authFor(options, logger);
    return new Roles(id, options, logger, work, broker, auth, loop);
  }

  /** Starts to listen, whether or not the broker can be reached. @throws FatalError if that fails */
  async listen(): Promise<Urls> {
    const url = this.manager?.listen();
    const adminUrl = this.manager === undefined ? await this.#admin?.open() : this.manager.adminUrl;
    return { url, adminUrl };
  }

  /** Connects to the broker. @param onFatal called with an error that waiting cannot mend */
  start(onFatal: (error: unknown) => void): void {
    this.#broker.start(onFatal);
  }

  /** Finishes everything that has begun, within about `stopTimeoutMs`, and closes everything. */
  async stop(stopTimeoutMs: number): Promise<void> {
    const deadline = performance.now() + stopTimeoutMs;
    const left = () => Math.max(0, deadline - performance.now());
    await this.manager?.drain(left());
    await this.#broker.settle(left());
    await this.#processor?.drain(left());
    const partingMs = left() + partingAfterStopTimeoutMs;
    const partedBy = performance.now() + partingMs;
    await this.manager?.close(partingMs / 2);
    // Otherwise nobody would get the last clients' events from the embedded broker.
    if (this.#eventProcessor !== undefined) await this.#broker.settle(partingMs / 4);
    await this.#eventProcessor?.drain(partingMs / 4);
    this.#admin?.close();
    this.#auth?.close();
    this.#processor?.close();
    this.#eventProcessor?.close();
    this.#quarantine.close();
    this.#stalls?.close();
    await this.#broker.close(Math.max(0, partedBy - performance.now()));
    this.#messageTrace.close();
    await Promise.race([this.#tracing?.close(), Bun.sleep(partingAfterStopTimeoutMs)]);
  }

  #managerOf(id: string, options: Options, logger: Logger): Manager {
    const others = () => [
      buildInfo(options.role),
      ...(this.#processor?.metrics ?? []),
      ...(this.#tracing?.metrics ?? []),
    ];
    return new Manager(`manager-${id}`, options, {
      broker: this.#broker,
      logger,
      messageTrace: this.#messageTrace,
      auth: this.#auth,
      others,
      tracing: this.#tracing,
      loop: this.#loop,
    });
  }

  #eventProcessorOf(id: string, options: Options, work: Work, logger: Logger): Processor | undefined {
    const eventKeys = keysFor(work);
    if (eventKeys.length === 0) return undefined;
    return new Processor(
      `processor-${id}-events`,
      { ...options, group: eventsGroup(options.group) },
      eventWork(work),
      this.#broker,
      logger,
      this.#messageTrace,
      undefined,
      eventKeys,
    );
  }
}
