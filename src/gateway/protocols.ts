import { HttpDoor } from "./http/http.ts";
import type { Door, DoorSurroundings, Protocol, Surroundings } from "./protocol/protocol.ts";
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

/** Makes a way in without WebSocket of what the gateway gives to all of them. */
export type DoorMaker = (surroundings: DoorSurroundings) => Door;

/** The ways in without WebSocket. */
export const doors: readonly DoorMaker[] = [(surroundings) => new HttpDoor(surroundings)];
