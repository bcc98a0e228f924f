import { ControlApi } from "../control/api.ts";
import type { ControlOptions, LogLevel } from "../control/control-options.ts";
import type { ClientEntry, Clientele, Desk, DeskAnswer, SeenClient } from "../control/desk.ts";
import { FatalError } from "../errors.ts";
import type { AttendanceByTurns, Attendee } from "../events/attendance.ts";
import type { Events } from "../events/events.ts";
import type { Once } from "../gateway/fan-out/once.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Readiness } from "../ops/http.ts";
import { readOptionFile } from "../option-file.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ManagerOptions } from "./manager-options.ts";
import type { Revoking } from "./revoking.ts";

/** What the control API needs in order to act. */
export interface ControlParts
  extends Pick<ControlOptions, "askAll" | "drain" | "level" | "deadLetters" | "onRefused"> {
  /** Publishes messages to clients. */
  readonly answers: Outbox;
  readonly once: Once;
  /** Undefined where nothing can be revoked. */
  revoking(): Revoking | undefined;
}

/**
 * The routes of the control API; none without a token.
 *
 * @throws FatalError if the token cannot be used
 */
export function adminRoutesFor(
  { adminTokenFile: file, maxMessageBytes }: Pick<ManagerOptions, "adminTokenFile" | "maxMessageBytes">,
  { answers, once, revoking, ...parts }: ControlParts,
): ControlApi["routes"] {
  if (file === undefined) return {};
  readAdminToken(file);
  return new ControlApi({
    ...parts,
    token: () => readAdminToken(file),
    publish: async (message, waiter, key) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (key !== undefined && once.past.waits(resolve)) await promise;
      if (answers.isFull) return "full";
      const admission = key === undefined ? undefined : once.admit(message, key, waiter);
      if (admission === undefined) answers.append(message, waiter);
      else if (admission.is === "new") answers.append(admission.message, admission.waiter);
      return admission?.is ?? "new";
    },
    revoke: async (client, forMs) => {
      const there = revoking();
      return there === undefined ? noLog : await there.revoke(client, forMs);
    },
    unfitnessOf: (message) => answers.unfitnessOf(message),
    maxMessageBytes,
    confirmMsMax,
  }).routes;
}

/** How long RabbitMQ may take to confirm what the control API publishes, in milliseconds. */
const confirmMsMax = 30_000;

/** The shortest admin token, in characters: it is all that protects every client. */
const tokenLengthMin = 16;

/** Reads the token that the control API asks for. @throws FatalError if it cannot be used */
function readAdminToken(file: string): string {
  // trim() takes a byte-order mark for a space.
  const token = readOptionFile("--admin-token-file", file).toString().trim();
  if (token.length < tokenLengthMin)
    throw new FatalError(
      `the token in ${file} (--admin-token-file) is shorter than ${tokenLengthMin} characters: make one with \`openssl rand -hex 32\``,
    );
  return token;
}

/** Why nothing can be revoked. */
const noLog = "with --log off nothing can be revoked: no other manager would know of it";

/** The most topics of one client that are listed, and the characters that they may have together: an answer is about a thousand clients. */
const topicsMax = 100;
const topicsLengthMax = 2048;

/** What the desk of a manager knows besides its clients. */
export interface ManagerState {
  /** Whether it takes clients. */
  readiness(): Readiness;
  /** What waits for the broker's confirms, in bytes. */
  waitingBytes(): number;
  /** Undefined where managers do not hear of one another. */
  events(): Events | undefined;
  /** Undefined where nothing can be revoked. */
  revoking(): Revoking | undefined;
  /** Has the clients leave evenly over this time, in milliseconds, and then stops the manager. Returns the time that they have: less, if another one ends sooner. */
  drain(overMs: number): number;
  /** The level of this process's logger. */
  level(): LogLevel;
}

/** The clients of one manager, for its desk. */
export function clienteleOf(
  manager: string,
  gateway: () => Gateway,
  attendance: AttendanceByTurns,
  state: ManagerState,
): Clientele {
  const scan = (see: (client: ClientEntry) => void) =>
    new Promise<void>((resolve) => {
      const seeOne = (client: Attendee) => {
        const entry = entryOf(client, manager, state.events());
        if (entry !== undefined) see(entry);
      };
      attendance.scan(seeOne, resolve);
    });
  const find = async (wanted: string) => {
    const found: SeenClient[] = [];
    await scan((entry) => {
      if (entry.client === wanted) found.push(entry.shown());
    });
    return found;
  };
  return {
    vitals: () => ({
      ...state.readiness(),
      clients: gateway().size,
      ...gateway().traffic,
      waitingBytes: state.waitingBytes(),
    }),
    scan,
    find,
    disconnect: (client) => gateway().disconnect(client),
    revoke: async (client, forMs) => {
      const revoking = state.revoking();
      if (revoking === undefined) return noLog;
      // It is of the clients that are connected now.
      const finding = find(client);
      revoking.revokeSoon(client, forMs);
      return (await finding).length;
    },
    drain: (overMs) => state.drain(overMs),
    changeLogLevel: (level) => state.level().changeLevel(level),
    topics: () => gateway().topics(),
  };
}

/** Undefined for a client that has no id yet. */
function entryOf(client: Attendee, manager: string, events: Events | undefined): ClientEntry | undefined {
  const { protocol, seat } = client;
  const name = events?.nameOf(client);
  const id = client.id ?? name;
  if (protocol === undefined || id === undefined) return undefined;
  const paged = { client: id, ...(name === undefined ? {} : { connection: name }) };
  const shown = () => ({
    ...paged,
    manager,
    protocol,
    topics: firstOf(client.topics()),
    ...(seat.address === undefined ? {} : { address: seat.address }),
  });
  return { ...paged, shown };
}

function firstOf(topics: Iterable<string>): readonly string[] {
  const first: string[] = [];
  let length = 0;
  for (const topic of topics) {
    length += topic.length;
    if (first.length === topicsMax || length > topicsLengthMax) break;
    first.push(topic);
  }
  return first;
}

/** Asks all managers. Where the broker does not connect them, this manager answers alone. */
export function aloneOr(desk: Desk, events: Events | undefined) {
  return async (command: Parameters<Desk["obey"]>[0]) =>
    events === undefined
      ? { answers: [await desk.obey(command)] as readonly DeskAnswer[], missing: [] as readonly string[] }
      : await events.askAll(command);
}
