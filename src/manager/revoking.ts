import { type Revocation, Revocations } from "../control/revocations.ts";
import { reasonOf } from "../errors.ts";
import type { RevokedRecords } from "../events/revoked-records.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Logger } from "../ops/logger.ts";
import type { AnyMetric } from "../ops/metrics.ts";

/** How long tokens wait after the start until the revocations are known, in milliseconds. After that they are checked without. */
const knownMsMax = 3000;
/**
 * After this time connected clients are checked again: one that was just connecting when its token was revoked has connected by then. In
 * milliseconds.
 */
const lookAgainMs = 1000;
/** The most clients that are checked again at a time. */
const lookAgainMax = 10_000;

/** Refuses revoked tokens, on every manager. RabbitMQ keeps the list of revocations, and each manager reads it. */
export class Revoking {
  readonly #revocations = new Revocations();
  readonly #records: RevokedRecords;
  readonly #logger: Logger;
  readonly #hasTokens: boolean;
  readonly #timers = new Set<NodeJS.Timeout>();

  /** @param auth undefined: clients need no token */
  constructor(records: RevokedRecords, auth: Auth | undefined, gateway: () => Gateway, logger: Logger) {
    this.#records = records;
    this.#logger = logger;
    this.#hasTokens = auth !== undefined;
    records.onRecord = (body) => this.#revocations.take(body);
    this.#revocations.onRevoked = ({ client, before }) => {
      if (gateway().revoke(client, before) > 0)
        logger.info("a client's tokens were revoked, and it is disconnected", { client });
      this.#later(lookAgainMs, () => void gateway().revoke(client, before));
    };
    if (auth === undefined) return;
    auth.revoked = (client, issuedAtMs) => this.#revocations.objectionTo(client, issuedAtMs);
    const known = Promise.withResolvers<void>();
    this.#later(knownMsMax, known.resolve);
    auth.revocationsKnown = Promise.race([records.read, known.promise]);
  }

  /**
   * Refuses the tokens of a client that were issued before now, and closes its connections on all managers.
   *
   * @param forMs for how long they are refused, in milliseconds
   * @returns why that failed; undefined when RabbitMQ has stored it
   */
  async revoke(client: string, forMs: number): Promise<string | undefined> {
    if (!this.#hasTokens)
      return "clients need no tokens here (--auth none), so there is nothing to revoke: DELETE /api/clients/ID disconnects";
    if (this.#revocations.isFull) return "too many clients have revoked tokens: wait until some are over";
    const before = Date.now();
    const revocation: Revocation = { client, before, until: before + forMs };
    try {
      if (!(await this.#records.keep(JSON.stringify(revocation)))) return "RabbitMQ is not there: try again";
    } catch (error) {
      return `RabbitMQ has not confirmed it: ${reasonOf(error)}`;
    }
    this.#revocations.add(revocation);
    return undefined;
  }

  /** Does the same on a command that all managers got, without waiting for RabbitMQ. */
  revokeSoon(client: string, forMs: number): void {
    void this.revoke(client, forMs).then((why) => {
      if (why !== undefined) this.#logger.warn("a client's tokens could not be revoked", { client, why });
    });
  }

  get metric(): AnyMetric {
    return {
      name: "warren_revoked_clients",
      type: "gauge",
      help: "Clients whose tokens of before some time are refused.",
      read: () => this.#revocations.size,
    };
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #later(ms: number, act: () => void): void {
    if (this.#timers.size >= lookAgainMax) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}
