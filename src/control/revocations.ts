import { isName } from "../message.ts";

/** The most clients whose tokens may be revoked at a time. */
export const revocationsMax = 100_000;
/** The longest time for which tokens are refused, in milliseconds: 90 days. RabbitMQ keeps the records for as long. */
export const revokedMsMax = 90 * 24 * 3_600_000;
/** How long they are refused unless the request says so: 30 days. */
export const revokedMsDefault = 30 * 24 * 3_600_000;

/** Tokens of one client that are refused. Times are in milliseconds since 1970. */
export interface Revocation {
  /** The user in the tokens that are refused. */
  readonly client: string;
  /** Tokens that were issued before this are refused. */
  readonly before: number;
  /** When the revocation ends. */
  readonly until: number;
}

/** The revoked tokens, from this manager's own revocations and RabbitMQ's records. */
export class Revocations {
  readonly #byClient = new Map<string, Revocation>();
  readonly #now: () => number;
  /** Called for each new revocation, to close the client's connections. */
  onRevoked: (revocation: Revocation) => void = () => undefined;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get size(): number {
    return this.#byClient.size;
  }

  get isFull(): boolean {
    if (this.#byClient.size >= revocationsMax) this.#forgetOld();
    return this.#byClient.size >= revocationsMax;
  }

  /** Takes a record from RabbitMQ. Invalid ones are ignored, since another program may have written them. */
  take(body: Uint8Array): void {
    const revocation = revocationIn(body);
    if (revocation !== undefined) this.add(revocation);
  }

  add(revocation: Revocation): void {
    const { client, before, until } = revocation;
    const nowMs = this.#now();
    if (until <= nowMs) return;
    const known = this.#byClient.get(client);
    if (known === undefined && this.isFull) return;
    this.#byClient.set(client, {
      client,
      before: Math.max(before, known?.before ?? 0),
      until: Math.max(until, known?.until ?? 0),
    });
    if (before > (known?.before ?? 0)) this.onRevoked(revocation);
  }

  /**
   * Why a token is refused; undefined if it is not.
   *
   * @param issuedAtMs undefined: the token does not say
   */
  objectionTo(client: string, issuedAtMs: number | undefined): string | undefined {
    const known = this.#byClient.get(client);
    if (known === undefined) return undefined;
    if (known.until <= this.#now()) {
      this.#byClient.delete(client);
      return undefined;
    }
    if (issuedAtMs === undefined)
      return "this client's tokens were revoked, and this one does not say when it was issued (iat)";
    return issuedAtMs < known.before ? "the token was revoked: get a new one" : undefined;
  }

  #forgetOld(): void {
    const nowMs = this.#now();
    for (const [client, { until }] of this.#byClient) if (until <= nowMs) this.#byClient.delete(client);
  }
}

function revocationIn(body: Uint8Array): Revocation | undefined {
  try {
    const { client, before, until } = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
    return typeof client === "string" && isName(client) && isTime(before) && isTime(until)
      ? { client, before, until }
      : undefined;
  } catch {
    return undefined;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
