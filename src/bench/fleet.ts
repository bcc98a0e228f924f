import { codeOf, FatalError, reasonOf } from "../errors.ts";
import { Address } from "./address.ts";
import { type Audience, Connection, Refused } from "./connection.ts";
import type { Inbox } from "./inbox.ts";
import { addressed, type Plan } from "./plan.ts";
import type { Returns } from "./returns.ts";
import { type Session, TextSession } from "./session.ts";
import { StompSession } from "./stomp-session.ts";

/** Handshakes under way at a time: more would only queue in the server's backlog, and some be refused. */
const handshakesMax = 256;

/** A client of the run: its connection, and to whom. */
interface Member {
  readonly connection: Connection;
  /** Its number among the addresses. */
  readonly at: number;
}

/**
 * All connections of a run, and what became of them. The publishers come first: the index of a publisher's connection is
 * its number in the messages.
 */
export class Fleet {
  readonly #members: Member[];
  readonly #addresses: readonly Address[];
  /** The address of a connection, at one of the managers. */
  readonly #addressOf: (index: number, at: number) => Address;
  readonly #inbox: Inbox;
  readonly #audience: Audience;
  failed = 0;
  closed = 0;
  /** Why connections failed or were closed, and how many for each reason. */
  readonly reasons = new Map<string, number>();
  /** The publishers' connections, as they are now. */
  readonly publishers: Connection[];
  readonly #plan: Plan;
  readonly #returns: Returns;
  #connected = 0;

  constructor(plan: Plan, inbox: Inbox, returns: Returns, arrived: () => void) {
    this.#plan = plan;
    this.#returns = returns;
    this.#inbox = inbox;
    const subprotocol = plan.stomp === undefined ? undefined : "v12.stomp";
    this.#addresses = plan.urls.map((url) => new Address(url, subprotocol));
    this.#addressOf = (index, at) => {
      const url = plan.urls[at]!;
      const own = addressed(url, index);
      return own === url ? this.#addresses[at]! : new Address(own, subprotocol);
    };
    this.#audience = {
      arrived,
      foreign: () => {
        inbox.foreign++;
      },
      closed: (reason) => {
        this.closed++;
        this.#note(`closed: ${reason}`);
      },
    };
    const count = this.#addresses.length;
    this.#members = Array.from({ length: plan.connections }, (_, index) =>
      this.#member(index, index % count),
    );
    this.publishers = this.#members.slice(0, plan.publishers).map(({ connection }) => connection);
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
   * Throws a `FatalError` if not even the first one to each manager can be opened, because then nothing can be measured.
   */
  async open(signal: AbortSignal): Promise<void> {
    const firsts = this.#addresses.length;
    for (const member of this.#members.slice(0, firsts)) await this.#openOne(member, true);
    const rest = this.#members.slice(firsts).values();
    const openInTurn = async () => {
      for (const member of rest) {
        if (signal.aborted) return;
        await this.#openOne(member, false);
      }
    };
    await Promise.all(Array.from({ length: handshakesMax }, openInTurn));
  }

  finish(): void {
    for (const { connection } of this.#members) connection.finish();
  }

  /**
   * Cuts a client off and lets another connection take its place, to the next manager, after the last message that it got.
   * Resolves with whether that could be; undefined if the client is not connected, or has got nothing yet that it could go on after.
   */
  resume(index: number): Promise<boolean> | undefined {
    const { connection, at } = this.#members[index]!;
    const { session } = connection;
    if (!connection.isOpen || !(session instanceof StompSession) || session.position === undefined)
      return undefined;
    connection.cut();
    return this.#replace(index, at + 1, session.position).then(
      () => true,
      (thrown: unknown) => {
        this.#note(`did not come back: ${explain(thrown)}`);
        return false;
      },
    );
  }

  #member(index: number, at: number, after?: string): Member {
    const session = this.#session(index, after);
    const audience = this.#plan.stays
      ? { ...this.#audience, closed: (reason: string) => this.#left(index, reason) }
      : this.#audience;
    return { connection: new Connection(this.#addressOf(index, at), session, audience), at };
  }

  /** Another connection for a client. Resolves when it is open. */
  #replace(index: number, at: number, after: string | undefined): Promise<void> {
    const next = this.#member(index, at % this.#addresses.length, after);
    this.#members[index] = next;
    if (index < this.publishers.length) this.publishers[index] = next.connection;
    return next.connection.open();
  }

  /** It comes back: to the next manager, and further on with each attempt. */
  #left(index: number, reason: string): void {
    this.#note(`closed: ${reason}`);
    const { at } = this.#members[index]!;
    this.#returns.left((attempt) => {
      // Not before: the end may come in the same piece as the last messages, while their position is still being read.
      const { session } = this.#members[index]!.connection;
      const after = session instanceof StompSession ? session.position : undefined;
      return this.#replace(index, at + attempt, after).then(
        () => true,
        () => false,
      );
    });
  }

  #session(index: number, after?: string): Session {
    const { stomp, stays, reconnectEveryMs } = this.#plan;
    if (stomp === undefined) return new TextSession(index, this.#inbox);
    const mayComeBack = stays || reconnectEveryMs !== undefined;
    return new StompSession(index, this.#inbox, stomp, mayComeBack, stomp.isDurable ? after : undefined);
  }

  async #openOne(member: Member, isFirst: boolean): Promise<void> {
    try {
      await member.connection.open();
      this.#connected++;
    } catch (thrown) {
      if (isFirst) {
        const { name } = this.#addresses[member.at]!;
        throw new FatalError(`cannot connect to ${name}: ${explain(thrown)}`, { cause: thrown });
      }
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
  if (thrown instanceof Refused) return thrown.message;
  return advice.get(codeOf(thrown)) ?? `${reasonOf(thrown)}; check --url`;
}
