import type { Level } from "../ops/logger.ts";
import { version } from "../version.ts";
import { type Command, commandIn, drainMs, pageMax } from "./command.ts";
import { revokedMsDefault } from "./revocations.ts";

/** A client, as an operator sees it. */
export interface SeenClient {
  /** Its id. */
  readonly client: string;
  /** The manager that it is connected to. */
  readonly manager: string;
  /** What it speaks. */
  readonly protocol: string;
  /** Its name in events; absent if there are no events. */
  readonly connection?: string;
  /** Its address, if addresses are counted. */
  readonly address?: string;
  /** The first hundred topics and patterns that it subscribes to. */
  readonly topics: readonly string[];
}

/** The state of a manager. */
export interface Vitals {
  /** Whether it takes clients. */
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly why?: string;
  /** Clients that are connected. */
  readonly clients: number;
  /** How many messages clients have sent since it started. */
  readonly messages: number;
  /** What was sent to clients: one message to a thousand clients counts a thousand. */
  readonly deliveries: number;
  /** What waits for RabbitMQ, in bytes. */
  readonly waitingBytes: number;
}

/** The clients of this manager. */
export interface Clientele {
  /** The manager's state. */
  vitals(): Vitals;
  /** All clients that have an id, in no order. */
  list(): readonly SeenClient[];
  /** The connections of the client with this id. */
  find(client: string): readonly SeenClient[];
  /** Closes the connections of a client with 4410. Returns how many there were. */
  disconnect(client: string): number;
  /**
   * Refuses the tokens of a client that were issued before now, for this many milliseconds, and closes its connections.
   *
   * @returns how many there were, or why it is not possible
   */
  revoke(client: string, forMs: number): number | string;
  /** Has the clients leave over this time, in milliseconds, and then stops the manager. */
  drain(overMs: number): void;
  /** Changes the log level of this process. */
  changeLogLevel(level: Level): void;
  /** Topics and patterns with subscribers, and how many they have. */
  topics(): readonly (readonly [topic: string, subscribers: number])[];
}

/** The answer of one manager. */
export interface DeskAnswer {
  /** The manager that answers. */
  readonly manager: string;
  /** Depends on the command. */
  readonly [field: string]: unknown;
}

/** Executes commands for one manager. */
export class Desk {
  readonly #manager: string;
  readonly #clientele: Clientele;
  readonly #onNonsense: (why: string) => void;

  /** @param onNonsense called with why a command is not valid */
  constructor(manager: string, clientele: Clientele, onNonsense: (why: string) => void) {
    this.#manager = manager;
    this.#clientele = clientele;
    this.#onNonsense = onNonsense;
  }

  /** @returns the answer; undefined if the command is not for this manager, or not valid */
  take(body: Uint8Array): DeskAnswer | undefined {
    const command = commandIn(body);
    if (typeof command === "string") {
      this.#onNonsense(command);
      return undefined;
    }
    const isOfOne = command.do === "drain" || command.do === "log-level";
    if (isOfOne && (command.manager ?? this.#manager) !== this.#manager) return undefined;
    return this.obey(command);
  }

  obey(command: Command): DeskAnswer {
    const manager = this.#manager;
    const clientele = this.#clientele;
    switch (command.do) {
      case "managers":
        return {
          manager,
          version,
          ...clientele.vitals(),
          uptimeSeconds: Math.round(performance.now() / 1000),
        };
      case "topics":
        return { manager, topics: clientele.topics() };
      case "clients":
        return {
          manager,
          clients: page(
            found(clientele.list(), command.search),
            command.after ?? "",
            command.limit ?? pageMax,
          ),
        };
      case "client":
        return { manager, clients: clientele.find(command.client) };
      case "disconnect":
        return { manager, disconnected: clientele.disconnect(command.client) };
      case "revoke": {
        const outcome = clientele.revoke(command.client, command.forMs ?? revokedMsDefault);
        return {
          manager,
          ...(typeof outcome === "string" ? { error: outcome } : { disconnected: outcome }),
        };
      }
      case "drain": {
        const drainingMs = command.overMs ?? drainMs.usual;
        clientele.drain(drainingMs);
        return { manager, drainingMs };
      }
      case "log-level":
        clientele.changeLogLevel(command.level);
        return { manager, level: command.level };
    }
  }
}

/** The clients with this text in their id, address, protocol, or one of their topics; upper and lower case are the same. */
function found(clients: readonly SeenClient[], search = ""): readonly SeenClient[] {
  if (search === "") return clients;
  const wanted = search.toLowerCase();
  return clients.filter(({ client, address = "", protocol, topics }) =>
    [client, address, protocol, ...topics].some((text) => text.toLowerCase().includes(wanted)),
  );
}

/** Separates a client's id and its connection in a page's `after`. No id contains it. */
const separator = "\n";

/** The place after this entry, where the next page begins. @param next the first entry of that page */
export function placeAfter({ client, connection }: Paged, next: Paged): string {
  return next.client === client && connection !== undefined ? client + separator + connection : client;
}

/** The entries of pages: connections, of which several may belong to one client. */
interface Paged {
  readonly client: string;
  readonly connection?: string;
}

/**
 * The first entries of a page, in the order of their ids. The admin page asks again and again, and clients would have to wait while all of
 * them are sorted, so most are compared only once.
 *
 * @param after a client's id, whose connections are all left out; or a result of `placeAfter`
 */
export function page<Seen extends Paged>(
  clients: readonly Seen[],
  after: string,
  limit: number,
): readonly Seen[] {
  const [client = "", connection] = after.split(separator);
  const place = { client, connection: connection ?? afterAll };
  const first: Seen[] = [];
  for (const seen of clients) {
    if (!isBefore(place, seen) || (first.length === limit && !isBefore(seen, first[limit - 1]!))) continue;
    if (first.length === limit) first.pop();
    first.splice(placeOf(seen, first), 0, seen);
  }
  return first;
}

/** Sorts after any connection's name. */
const afterAll = "\uffff";

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
