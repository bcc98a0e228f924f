import { type Entries, entriesIn } from "./entries.ts";

/** A manager, as `/api/managers` describes it. */
export interface SeenManager {
  /** The manager's name. */
  readonly manager: string;
  /** Its version of Warren. */
  readonly version: string;
  /** Whether its `/readyz` says that it is ready. */
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly why?: string;
  /** Clients that are connected to it. */
  readonly clients: number;
  /** Messages that its clients have sent, since it started. */
  readonly messages: number;
  /** Messages that were sent to its clients, each copy counted. */
  readonly deliveries: number;
  /** What waits in its outbox, in bytes. */
  readonly waitingBytes: number;
  /** How long it has run, in seconds. */
  readonly uptimeSeconds: number;
}

/** A topic or pattern, as `/api/topics` describes it. */
export interface SeenTopic {
  /** Its name. */
  readonly topic: string;
  /** How many subscribe to it live. */
  readonly subscribers: number;
}

/** A client, as `/api/clients` describes it. */
export interface SeenClient {
  /** Its id. */
  readonly client: string;
  /** The manager that it is connected to. */
  readonly manager: string;
  /** What it speaks. */
  readonly protocol: string;
  /** Where it comes from. */
  readonly address?: string;
  /** The name of its connection in events. */
  readonly connection?: string;
  /** What it subscribes to. */
  readonly topics: readonly string[];
}

/** A dead letter, as `/api/dead-letters` describes it. */
export interface SeenLetter {
  /** The id of the message. */
  readonly id?: string;
  /** The group that could not handle it. */
  readonly group?: string;
  /** Why. */
  readonly reason: string;
  /** How often that was tried. */
  readonly attempts?: number;
  /** When it was given up. */
  readonly at?: string;
  /** The topic that it was sent to. */
  readonly topic: string;
  /** Who sent it. */
  readonly client?: string;
  /** Its type. */
  readonly contentType?: string;
  /** All other headers. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** What was sent, or its beginning. */
  readonly body: { readonly text?: string; readonly base64?: string };
}

/** The managers of an answer. */
export const managersIn = (list: unknown): Entries<SeenManager> =>
  entriesIn<SeenManager>(list, {
    manager: "text",
    version: "text",
    ready: "truth",
    why: "text?",
    clients: "number",
    messages: "number",
    deliveries: "number",
    waitingBytes: "number",
    uptimeSeconds: "number",
  });

/** The topics of an answer. */
export const topicsIn = (list: unknown): Entries<SeenTopic> =>
  entriesIn<SeenTopic>(list, { topic: "text", subscribers: "number" });

/** The clients of an answer. */
export const clientsIn = (list: unknown): Entries<SeenClient> =>
  entriesIn<SeenClient>(list, {
    client: "text",
    manager: "text",
    protocol: "text",
    address: "text?",
    connection: "text?",
    topics: "texts",
  });

/** The dead letters of an answer. */
export const lettersIn = (list: unknown): Entries<SeenLetter> =>
  entriesIn<SeenLetter>(list, {
    id: "text?",
    group: "text?",
    reason: "text",
    attempts: "number?",
    at: "text?",
    topic: "text",
    client: "text?",
    contentType: "text?",
    headers: "object",
    body: "object",
  });

/** What is said of entries that are left out; empty if there are none. */
export function leftOut(unknown: number, what: string): string {
  return unknown === 0 ? "" : `${unknown} ${what} not shown: this page does not know what was answered.`;
}
