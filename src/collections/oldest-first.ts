import { SpreadMap } from "./spread-map.ts";

/** An entry, between the one that was set before it and the one after. */
interface Node<Value> {
  readonly key: string;
  value: Value;
  older: Node<Value> | undefined;
  newer: Node<Value> | undefined;
}

/**
 * A map of texts that knows its oldest entry, the one that was set longest ago, in constant time. It may have very many (`SpreadMap`). The
 * code that fills it has to cap it.
 *
 * A `Map` keeps that order too. But to find its first entry, JavaScriptCore skips all entries that were deleted before it. If the first is
 * deleted whenever another is set, that takes longer the larger the map is (docs/decisions.md has figures).
 */
export class OldestFirst<Value> {
  readonly #nodes = new SpreadMap<Node<Value>>();
  #oldest: Node<Value> | undefined;
  #newest: Node<Value> | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  /** The entry that was set longest ago. */
  get oldest(): { readonly key: string; readonly value: Value } | undefined {
    return this.#oldest;
  }

  has(key: string): boolean {
    return this.#nodes.has(key);
  }

  get(key: string): Value | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** Sets an entry, which becomes the newest one even if it existed. */
  set(key: string, value: Value): void {
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
  delete(key: string): boolean {
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

  /** See `SpreadMap`. */
  keys(): Generator<string, void> {
    return this.#nodes.keys();
  }

  #unlink({ older, newer }: Node<Value>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
