import { StompFault } from "../../wire/stomp/fault.ts";
import { named } from "../../wire/stomp/frames.ts";

/** The commands of a client that have no body: all but SEND. */
const bodiless: ReadonlySet<string> = new Set([
  "CONNECT",
  "STOMP",
  "SUBSCRIBE",
  "UNSUBSCRIBE",
  "BEGIN",
  "COMMIT",
  "ABORT",
  "DISCONNECT",
  "ACK",
  "NACK",
]);

/** What is wrong with a frame of a command that no client has. */
export function unknownCommand(command: string): StompFault {
  return new StompFault(`unknown command ${named(command)}`);
}

/** What is wrong with a frame that has a body and is no SEND. A misspelt command is named, since its body may belong to a SEND. */
export function bodyOf(command: string): StompFault {
  return bodiless.has(command) ? new StompFault("only a SEND has a body") : unknownCommand(command);
}
