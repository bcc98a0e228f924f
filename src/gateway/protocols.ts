import type { Protocol, Surroundings } from "./protocol.ts";
import { type StompOptions, StompProtocol } from "./stomp/stomp.ts";
import { type TextOptions, TextProtocol } from "./text/text.ts";

/** What protocols have options for. */
export type ProtocolOptions = TextOptions & StompOptions;

/** Makes a protocol of what the gateway gives to all of them. */
export type ProtocolMaker = (surroundings: Surroundings & ProtocolOptions) => Protocol;

/** The protocols that there are. A client gets the first one that fits what it asks for. */
export const protocols: readonly ProtocolMaker[] = [
  (surroundings) => new TextProtocol(surroundings),
  (surroundings) => new StompProtocol(surroundings),
];
