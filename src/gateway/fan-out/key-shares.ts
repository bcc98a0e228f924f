/** Clients' ids fall into this many parts, by a hash that nobody else can know: so few of them share one. */
const partsCount = 4096;

/** Which client id each key is of, roughly: so that one that has very many loses its own, and not those of others. */
export class KeyShares {
  readonly #seed = BigInt(Math.floor(Math.random() * 2 ** 32));
  /** The keys of each part, the oldest first. */
  readonly #parts: (Set<string> | undefined)[] = [];

  partOf(clientId: string | undefined): number {
    return Number(Bun.hash.xxHash64(clientId ?? "", this.#seed) % BigInt(partsCount));
  }

  add(part: number, key: string): void {
    const keys = this.#parts[part];
    if (keys === undefined) this.#parts[part] = new Set([key]);
    else keys.add(key);
  }

  delete(part: number, key: string): void {
    const keys = this.#parts[part];
    keys?.delete(key);
    if (keys?.size === 0) this.#parts[part] = undefined;
  }

  sizeOf(part: number): number {
    return this.#parts[part]?.size ?? 0;
  }

  oldestOf(part: number): string | undefined {
    return this.#parts[part]?.values().next().value;
  }
}
