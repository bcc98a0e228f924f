import { createLocalJWKSet } from "jose";
import { backoffMs } from "../../backoff.ts";
import { FatalError, reasonOf } from "../../errors.ts";
import type { Logger } from "../../ops/logger.ts";
import { readOptionFile } from "../../option-file.ts";
import { withoutPassword } from "../../redact.ts";
import { type JwkSet, usableKeys } from "./jwk-set.ts";
import { type Keys, publicAlgorithms } from "./keys.ts";
import type { KeySource } from "./tokens.ts";

/** The largest key set that is accepted, in bytes. Real ones have a few thousand. */
const answerBytesMax = 256 * 1024;

/** How a key set is kept up to date. The defaults suit production; tests shorten them. */
export interface KeySetTiming {
  /** The interval of fetches: for this long a key is accepted that the issuer has withdrawn. In milliseconds. */
  readonly refreshMs: number;
  /** The least time between two fetches because of unknown keys: anybody can make tokens with such keys. */
  readonly cooldownMs: number;
  /** How long the provider may take to answer. */
  readonly timeoutMs: number;
  /** The waits between attempts while the set cannot be fetched. */
  readonly backoff: { readonly firstMs: number; readonly mostMs: number };
}

/** The timing unless other values are given. */
export const defaultKeySetTiming: KeySetTiming = {
  refreshMs: 300_000,
  cooldownMs: 10_000,
  timeoutMs: 5000,
  backoff: { firstMs: 500, mostMs: 30_000 },
};

/**
 * The public keys at a URL (RFC 7517), fetched regularly. While the URL cannot be reached, the last keys stay in force.
 */
export class KeySet implements KeySource {
  readonly #url: string;
  readonly #logger: Logger;
  readonly #timing: KeySetTiming;
  #keys: Keys | undefined;
  #fetching: Promise<boolean> | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  readonly #caFile: string | undefined;
  /** The last complaint about keys that cannot be used. */
  #complaint = "";

  /** @throws FatalError if the CA file cannot be used */
  constructor(url: string, logger: Logger, timing: KeySetTiming = defaultKeySetTiming, caFile?: string) {
    this.#caFile = caFile;
    this.#readCa();
    this.#url = url;
    this.#logger = logger;
    this.#timing = timing;
  }

  get keys(): Keys | undefined {
    return this.#keys;
  }

  /** Starts to fetch, and goes on until `close`. */
  start(): void {
    void this.#fetch();
  }

  async renew(): Promise<boolean> {
    // A check that comes during a fetch waits for that one.
    if (this.#fetching !== undefined) return await this.#fetching;
    if (performance.now() - this.#fetchedAt < this.#timing.cooldownMs) return false;
    return await this.#fetch();
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
  }

  /** Tries once. Returns true if the keys were fetched. */
  #fetch(): Promise<boolean> {
    this.#fetchedAt = performance.now();
    clearTimeout(this.#timer);
    this.#fetching = this.#attempt().then((isFetched) => {
      this.#fetching = undefined;
      if (this.#closing.signal.aborted) return false;
      const { refreshMs, backoff } = this.#timing;
      const waitMs = isFetched ? refreshMs : backoffMs(this.#failures, backoff, Math.random());
      this.#timer = setTimeout(() => void this.#fetch(), waitMs);
      return isFetched;
    });
    return this.#fetching;
  }

  async #attempt(): Promise<boolean> {
    try {
      const { timeoutMs } = this.#timing;
      const keySet = usableKeys(await fetchJson(this.#url, timeoutMs, this.#closing.signal, this.#readCa()));
      this.#keys = { algorithms: publicAlgorithms, find: createLocalJWKSet({ keys: [...keySet.keys] }) };
      this.#complainOf(keySet);
    } catch (error) {
      this.#failed(error);
      return false;
    }
    if (this.#failures > 0)
      this.#logger.info("the key set is there again", { jwks: withoutPassword(this.#url) });
    this.#failures = 0;
    return true;
  }

  /** Read for each fetch, so that a renewed file is used. */
  #readCa(): string | undefined {
    if (this.#caFile === undefined) return undefined;
    const pem = readOptionFile("--jwks-ca", this.#caFile).toString();
    if (!pem.includes("-----BEGIN CERTIFICATE-----"))
      throw new FatalError(`--jwks-ca ${this.#caFile} has no certificate in PEM format`);
    return pem;
  }

  /** Logs one line for each new set of unusable keys. */
  #complainOf({ leftOut }: JwkSet): void {
    const complaint = leftOut.join(", ");
    if (complaint !== "" && complaint !== this.#complaint)
      this.#logger.warn("keys of the key set cannot be used and are left out", {
        jwks: withoutPassword(this.#url),
        keys: complaint,
      });
    this.#complaint = complaint;
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#failures++;
    // Log one line per outage.
    if (this.#failures > 1) return;
    const message =
      this.#keys === undefined
        ? "the key set cannot be had: no token can be checked, trying again"
        : "the key set cannot be had: going on with the keys fetched before, trying again";
    this.#logger.warn(message, {
      jwks: withoutPassword(this.#url),
      reason: withoutPassword(reasonOf(error)),
    });
  }
}

async function fetchJson(
  url: string,
  timeoutMs: number,
  closing: AbortSignal,
  ca: string | undefined,
): Promise<unknown> {
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), closing]);
  // A redirect could lead to another host, or away from https.
  const answer = await fetch(url, {
    signal,
    redirect: "error",
    headers: { accept: "application/json" },
    ...(ca === undefined ? {} : { tls: { ca } }),
  });
  if (!answer.ok) throw new Error(`the answer was ${answer.status}`);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength;
    if (bytes > answerBytesMax) throw new Error(`the answer has more than ${answerBytesMax} bytes`);
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString("utf8"));
}
