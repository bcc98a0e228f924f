/**
 * Who is connected, by client id, for what is addressed to one client. Several connections may share an id (a person
 * with two tabs); the common case of one takes no set.
 */
export class Directory<C extends object> {
  readonly #clients = new Map<string, C | Set<C>>();

  add(id: string, client: C): void {
    const present = this.#clients.get(id);
    if (present === undefined) this.#clients.set(id, client);
    else if (present instanceof Set) present.add(client);
    else this.#clients.set(id, new Set([present, client]));
  }

  remove(id: string, client: C): void {
    const present = this.#clients.get(id);
    if (present === client) this.#clients.delete(id);
    if (!(present instanceof Set)) return;
    present.delete(client);
    if (present.size === 0) this.#clients.delete(id);
  }

  find(id: string): Iterable<C> {
    const present = this.#clients.get(id);
    if (present === undefined) return [];
    return present instanceof Set ? present : [present];
  }
}
