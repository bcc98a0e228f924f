/**
 * Several values to a key, such as the connections of one client id (a person with two tabs). The common case of one value takes
 * no set.
 */
export class MultiMap<V extends object> {
  readonly #values = new Map<string, V | Set<V>>();

  add(key: string, value: V): void {
    const present = this.#values.get(key);
    if (present === undefined) this.#values.set(key, value);
    else if (present instanceof Set) present.add(value);
    else this.#values.set(key, new Set([present, value]));
  }

  remove(key: string, value: V): void {
    const present = this.#values.get(key);
    if (present === value) this.#values.delete(key);
    if (!(present instanceof Set)) return;
    present.delete(value);
    if (present.size === 0) this.#values.delete(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  find(key: string): Iterable<V> {
    const present = this.#values.get(key);
    if (present === undefined) return [];
    return present instanceof Set ? present : [present];
  }
}
