/** An entry, between the one that was set before it and the one after. */
interface Node<Key, Value> {
  readonly key: Key;
  value: Value;
  older: Node<Key, Value> | undefined;
  newer: Node<Key, Value> | undefined;
}

/**
 * A map that knows its oldest entry, the one that was set longest ago, in constant time. The code that fills it has to cap it.
 *
 * A `Map` keeps that order too. But to find its first entry, JavaScriptCore skips all entries that were deleted before it. If the first is
 * deleted whenever another is set, that takes longer the larger the map is (docs/decisions.md has figures).
 */
export class OldestFirst<Key, Value> {
  readonly #nodes = new Map<Key, Node<Key, Value>>();
  #oldest: Node<Key, Value> | undefined;
  #newest: Node<Key, Value> | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  /** The entry that was set longest ago. */
  get oldest(): { readonly key: Key; readonly value: Value } | undefined {
    return this.#oldest;
  }

  has(key: Key): boolean {
    return this.#nodes.has(key);
  }

  get(key: Key): Value | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** Sets an entry, which becomes the newest one even if it existed. */
  set(key: Key, value: Value): void {
    let node = this.#nodes.get(key);
    if (node === undefined) {
      node = { key, value, older: undefined, newer: undefined };
      this.#nodes.set(key, node);
    } else {
      node.value = value;
      this.#unlink(node);
    }
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  /** Returns whether it existed. */
  delete(key: Key): boolean {
    const node = this.#nodes.get(key);
    if (node === undefined) return false;
    this.#nodes.delete(key);
    this.#unlink(node);
    return true;
  }

  clear(): void {
    this.#nodes.clear();
    this.#oldest = this.#newest = undefined;
  }

  /** The keys in the order in which they were first set. */
  keys(): IterableIterator<Key> {
    return this.#nodes.keys();
  }

  #unlink({ older, newer }: Node<Key, Value>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
