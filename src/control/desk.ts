import type { Level } from "../ops/logger.ts";
import { version } from "../version.ts";
import { type Command, commandIn, drainMs, pageMax } from "./command.ts";
import { listedTopics } from "./listed-topics.ts";
import { Page, type Paged } from "./page.ts";
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
  /** The first topics and patterns that it subscribes to: at most a hundred, with 2,048 characters together. */
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

/** A client that is scanned. Most are not shown, so that the rest of it is made only for those that are. */
export interface ClientEntry extends Paged {
  /** What an operator sees of it. */
  shown(): SeenClient;
}

/** The clients of this manager. */
export interface Clientele {
  /** The manager's state. */
  vitals(): Vitals;
  /** Scans all clients that have an id, in no order, by turns with everything else. Resolves after the last one. */
  scan(see: (client: ClientEntry) => void): Promise<void>;
  /** Finds the connections of the client with this id, by turns with everything else. */
  find(client: string): Promise<readonly SeenClient[]>;
  /** Closes the connections of a client with 4410. Returns how many there were. */
  disconnect(client: string): number;
  /**
   * Refuses the tokens of a client that were issued before now, for this many milliseconds, and closes its connections.
   *
   * @returns how many there were, or why it is not possible
   */
  revoke(client: string, forMs: number): Promise<number | string>;
  /** Has the clients leave over this time, in milliseconds, and then stops the manager. Returns the time that they have: less, if another one ends sooner. */
  drain(overMs: number): number;
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

  /** @returns the answer, which may take several turns; undefined if the command is not for this manager, or not valid */
  take(body: Uint8Array): DeskAnswer | Promise<DeskAnswer> | undefined {
    const command = commandIn(body);
    if (typeof command === "string") {
      this.#onNonsense(command);
      return undefined;
    }
    const isOfOne = command.do === "drain" || command.do === "log-level";
    if (isOfOne && (command.manager ?? this.#manager) !== this.#manager) return undefined;
    return this.obey(command);
  }

  /** @returns the answer, which may take several turns of the event loop */
  obey(command: Command): DeskAnswer | Promise<DeskAnswer> {
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
        return { manager, ...listedTopics(clientele.topics()) };
      case "clients":
        return this.#clients(command);
      case "client":
        return this.#client(command.client);
      case "disconnect":
        return { manager, disconnected: clientele.disconnect(command.client) };
      case "revoke":
        return this.#revoke(command.client, command.forMs);
      case "drain": {
        const drainingMs = clientele.drain(command.overMs ?? drainMs.usual);
        return { manager, drainingMs };
      }
      case "log-level":
        clientele.changeLogLevel(command.level);
        return { manager, level: command.level };
    }
  }

  async #client(client: string): Promise<DeskAnswer> {
    return { manager: this.#manager, clients: await this.#clientele.find(client) };
  }

  async #revoke(client: string, forMs = revokedMsDefault): Promise<DeskAnswer> {
    const outcome = await this.#clientele.revoke(client, forMs);
    const done = typeof outcome === "string" ? { error: outcome } : { disconnected: outcome };
    return { manager: this.#manager, ...done };
  }

  /** The clients of a page, of those with this text in their id, address, protocol, or one of their topics, in upper or lower case. */
  async #clients({ search = "", after = "", limit = pageMax }: ClientsCommand): Promise<DeskAnswer> {
    const wanted = search.toLowerCase();
    const page = new Page<SeenClient>(after, limit);
    await this.#clientele.scan((entry) => {
      if (!page.hasPlaceFor(entry)) return;
      const seen = entry.shown();
      if (wanted === "" || isFound(seen, wanted)) page.add(seen);
    });
    return { manager: this.#manager, clients: page.entries };
  }
}

type ClientsCommand = Extract<Command, { do: "clients" }>;

function isFound({ client, address = "", protocol, topics }: SeenClient, wanted: string): boolean {
  return [client, address, protocol, ...topics].some((text) => text.toLowerCase().includes(wanted));
}
