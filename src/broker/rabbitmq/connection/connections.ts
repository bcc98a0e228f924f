import { withoutPassword } from "../../../redact.ts";
import type { BrokerStatus } from "../../broker.ts";
import type { Life } from "./life.ts";
import { Link, type LinkOptions } from "./link.ts";

/** The purpose of a connection, as the logs and RabbitMQ's management page show it. */
export type Purpose = "publishing" | "answers" | "dead letters" | "marks" | "consuming" | "events";

/** The options that all connections of a process have in common. */
export type ConnectionsOptions = Omit<LinkOptions, "setUp" | "opened">;

/** The connections of a process to RabbitMQ, each with a purpose. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #onReady: () => void;
  readonly #blockedWhys: () => readonly (string | undefined)[];
  readonly #links: Link[] = [];
  /** Links that messages do not need: no client is held back while one of them is away. */
  readonly #besides: Link[] = [];
  #isClosed = false;
  #isAnnounced = false;

  /**
   * @param options for each of them; its purpose is added to the name
   * @param blockedWhys why RabbitMQ takes no messages, for each publishing connection; undefined if it does
   * @param onReady called whenever all of them are in force
   */
  constructor(
    options: ConnectionsOptions,
    blockedWhys: () => readonly (string | undefined)[],
    onReady: () => void,
  ) {
    this.#options = options;
    this.#blockedWhys = blockedWhys;
    this.#onReady = onReady;
  }

  open(purpose: Purpose, setUp: (life: Life) => Promise<void>): void {
    const name = `${this.#options.name} ${purpose}`;
    const link = new Link({ ...this.#options, name, setUp, opened: () => this.#opened() });
    (purpose === "events" ? this.#besides : this.#links).push(link);
    link.start();
  }

  status(): BrokerStatus {
    if (this.#isClosed) return { state: "closed" };
    if (this.#links.length === 0) return { state: "connecting", why: "not started" };
    const states = this.#links.map(({ state }) => state);
    if (states.some(({ is }) => is === "closed")) return { state: "closed" };
    if (states.some(({ is }) => is === "connecting")) {
      // The reason of one link is true for the others, which may still be trying: also that of a link which nobody waits for.
      const whys = [...this.#links, ...this.#besides].map(({ state }) =>
        state.is === "connecting" ? state.why : undefined,
      );
      // RabbitMQ does not answer a connection that it has blocked while it was set up.
      const why = [...whys, ...this.#blockedWhys()].find((each) => each !== undefined);
      return { state: "connecting", why: why ?? "connecting" };
    }
    const why = this.#blockedWhys().find((each) => each !== undefined);
    return why === undefined ? { state: "ready" } : { state: "blocked", why };
  }

  /** @param farewell publishes what has to be said before they close; it limits its own time */
  async close(timeoutMs: number, farewell: () => Promise<void>): Promise<void> {
    this.#isClosed = true;
    const deadlineMs = performance.now() + timeoutMs;
    await farewell();
    const leftMs = Math.max(0, deadlineMs - performance.now());
    await Promise.all([...this.#links, ...this.#besides].map((link) => link.close(leftMs)));
  }

  /** Logs once that everything is in force. The links log later losses and returns. */
  #opened(): void {
    if (this.status().state !== "ready") return;
    this.#onReady();
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const { logger, urls } = this.#options;
    logger.info("connected to RabbitMQ", { broker: urls.map(withoutPassword).join(",") });
  }
}
