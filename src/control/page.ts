/** The entries of pages: connections, of which several may belong to one client. */
export interface Paged {
  /** The client's id. */
  readonly client: string;
  /** The name of its connection, if connections have one. */
  readonly connection?: string;
}

/** Separates a client's id and its connection in a page's `after`. No id contains it. */
const separator = "\n";
/** Sorts after any connection's name. */
const afterAll = "\uffff";

/** The place after this entry, where the next page begins. @param next the first entry of that page */
export function placeAfter({ client, connection }: Paged, next: Paged): string {
  return next.client === client && connection !== undefined ? client + separator + connection : client;
}

/**
 * The first entries after a place, in the order of their ids. The admin page asks again and again, and clients would have to wait while all
 * of them are sorted, so most are compared only once.
 */
export class Page<Seen extends Paged> {
  readonly #place: Paged;
  readonly #limit: number;
  readonly #entries: Seen[] = [];

  /** @param after a client's id, whose connections are all left out; or a result of `placeAfter` */
  constructor(after: string, limit: number) {
    const [client = "", connection = afterAll] = after.split(separator);
    this.#place = { client, connection };
    this.#limit = limit;
  }

  get entries(): readonly Seen[] {
    return this.#entries;
  }

  /** Whether an entry belongs to the page, as far as is known. */
  hasPlaceFor(seen: Paged): boolean {
    if (!isBefore(this.#place, seen)) return false;
    return this.#entries.length < this.#limit || isBefore(seen, this.#entries[this.#limit - 1]!);
  }

  /** Adds an entry, if it belongs to the page. */
  add(seen: Seen): void {
    if (!this.hasPlaceFor(seen)) return;
    if (this.#entries.length === this.#limit) this.#entries.pop();
    this.#entries.splice(placeOf(seen, this.#entries), 0, seen);
  }
}

/** The entries of a page. */
export function page<Seen extends Paged>(
  all: readonly Seen[],
  after: string,
  limit: number,
): readonly Seen[] {
  const first = new Page<Seen>(after, limit);
  for (const seen of all) first.add(seen);
  return first.entries;
}

function isBefore(one: Paged, other: Paged): boolean {
  if (one.client !== other.client) return one.client < other.client;
  return (one.connection ?? "") < (other.connection ?? "");
}

/** The index at which to insert an entry: after equal ones. */
function placeOf(seen: Paged, ordered: readonly Paged[]): number {
  let from = 0;
  let to = ordered.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isBefore(seen, ordered[middle]!)) to = middle;
    else from = middle + 1;
  }
  return from;
}
