import { codeOf, FatalError, reasonOf } from "../errors.ts";
import { type Audience, Connection } from "./connection.ts";
import { Handshake } from "./handshake.ts";
import type { Inbox } from "./inbox.ts";
import type { Plan } from "./plan.ts";

/** Handshakes under way at a time: more would only queue in the server's backlog, and some be refused. */
const handshakesMax = 256;

/**
 * All connections of a run, and what became of them. The publishers come first: the index of a publisher's connection is
 * its number in the messages.
 */
export class Fleet {
  readonly connections: readonly Connection[];
  failed = 0;
  closed = 0;
  /** Why connections failed or were closed, and how many for each reason. */
  readonly reasons = new Map<string, number>();
  readonly #plan: Plan;
  #connected = 0;

  constructor(plan: Plan, inbox: Inbox, arrived: () => void) {
    this.#plan = plan;
    const handshake = new Handshake(plan.url);
    const audience: Audience = {
      arrived,
      closed: (reason) => {
        this.closed++;
        this.#note(`closed: ${reason}`);
      },
    };
    this.connections = Array.from(
      { length: plan.connections },
      (_, index) => new Connection(index, handshake, inbox, audience),
    );
  }

  /** How many were ever open. */
  get connected(): number {
    return this.#connected;
  }

  get isAllClosed(): boolean {
    return this.closed >= this.#connected;
  }

  /**
   * Resolves when every connection is open or has failed, or soon after `signal` aborts.
   * Throws a `FatalError` if not even the first one can be opened, because then nothing can be measured.
   */
  async open(signal: AbortSignal): Promise<void> {
    const waiting = this.connections.values();
    const first = waiting.next().value;
    if (first !== undefined) await this.#openOne(first, true);
    const openInTurn = async () => {
      for (const connection of waiting) {
        if (signal.aborted) return;
        await this.#openOne(connection, false);
      }
    };
    await Promise.all(Array.from({ length: handshakesMax }, openInTurn));
  }

  finish(): void {
    for (const connection of this.connections) connection.finish();
  }

  async #openOne(connection: Connection, isFirst: boolean): Promise<void> {
    const { hostname, port } = this.#plan.url;
    try {
      // A URL writes an IPv6 address in brackets, a socket does not.
      await connection.open(hostname.replace(/^\[(.*)\]$/, "$1"), port === "" ? 80 : Number(port));
      this.#connected++;
    } catch (thrown) {
      if (isFirst)
        throw new FatalError(`cannot connect to ${this.#plan.url.href}: ${explain(thrown)}`, {
          cause: thrown,
        });
      this.failed++;
      this.#note(`failed: ${codeOf(thrown) === "ECONNREFUSED" ? refusedLater : explain(thrown)}`);
    }
  }

  #note(reason: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }
}

/** What an error of the system means here, and what to do about it. */
const advice: ReadonlyMap<string | number | undefined, string> = new Map([
  ["ECONNREFUSED", "nothing listens there; start a manager, or name another with --url"],
  ["ENOTFOUND", "no such host; name another with --url"],
  ["EAI_AGAIN", "the host's name cannot be resolved now; try again, or name another with --url"],
  ["EMFILE", "too many open files; raise the limit (ulimit -n) or lower --clients"],
  ["ENFILE", "too many open files on this machine; lower --clients"],
  ["EADDRNOTAVAIL", "no local port is left; lower --clients"],
]);

/** Bun calls it a refusal, too, when there are no more files to open (1.4.5). The first connection shows that someone listens. */
const refusedLater =
  "refused, unlike the first; is the limit of open files (ulimit -n) reached, here or there?";

function explain(thrown: unknown): string {
  return advice.get(codeOf(thrown)) ?? `${reasonOf(thrown)}; check --url`;
}
