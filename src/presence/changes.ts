/** The clients that came or went since the last `take`. A client that came and went again, or the other way round, is left out. */
export class Changes {
  /** For each changed client, whether it was there at the last `take`. */
  readonly #were = new Map<string, boolean>();

  get size(): number {
    return this.#were.size;
  }

  /** @param was whether it was there before this change */
  note(name: string, was: boolean): void {
    if (!this.#were.has(name)) this.#were.set(name, was);
  }

  /** @param isThere whether a client is there now */
  take(isThere: (name: string) => boolean): { readonly joined: string[]; readonly left: string[] } {
    const joined: string[] = [];
    const left: string[] = [];
    for (const [name, was] of this.#were) {
      const is = isThere(name);
      if (is && !was) joined.push(name);
      if (!is && was) left.push(name);
    }
    this.#were.clear();
    return { joined, left };
  }
}
