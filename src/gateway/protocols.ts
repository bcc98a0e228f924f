import { HttpDoor } from "./http/http.ts";
import type { Door, DoorSurroundings, Protocol, Surroundings } from "./protocol/protocol.ts";
import { type StompOptions, StompProtocol } from "./stomp/stomp.ts";
import { type TextOptions, TextProtocol } from "./text/text.ts";

/** The options of all protocols. */
export type ProtocolOptions = TextOptions & StompOptions;

/** Makes a protocol from what the gateway offers to all of them. */
export type ProtocolMaker = (surroundings: Surroundings & ProtocolOptions) => Protocol;

/** The list of protocols. A client gets the first one that fits what it asks for. */
export const protocols: readonly ProtocolMaker[] = [
  (surroundings) => new TextProtocol(surroundings),
  (surroundings) => new StompProtocol(surroundings),
];

/** Makes a door, a way in without WebSocket, from what the gateway offers to all of them. */
export type DoorMaker = (surroundings: DoorSurroundings) => Door;

/** The list of doors. */
export const doors: readonly DoorMaker[] = [(surroundings) => new HttpDoor(surroundings)];
