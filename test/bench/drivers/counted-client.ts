import { Address } from "../../../src/bench/address.ts";
import { Connection } from "../../../src/bench/connection.ts";
import { makeFrame, opcodes } from "../../../src/bench/frames.ts";
import { FrameClient, frameOf } from "./frame-client.ts";

/** A client that counts messages, for any protocol. */
export interface CountedClient {
  /** Resolves when it gets every message that is sent from then on. */
  open(): Promise<void>;
  /** Sends WebSocket frames as they are, in one piece. */
  say(frames: Uint8Array): void;
}

/** The client's protocol: plain text, or STOMP with a live or durable subscription. */
export type Spoken = "text" | "stomp" | "durable";

/** @param heard called for each message that it hears */
export function countedClient(spoken: Spoken, url: URL, heard: () => void): CountedClient {
  if (spoken === "text") return textClient(url, heard);
  const from = spoken === "durable" ? ([["x-stream-offset", "next"]] as const) : [];
  return new FrameClient({ url, subscriptions: [[["id", "0"], destination, ...from]], message: heard });
}

/** A WebSocket frame that publishes this. */
export function publishing(spoken: Spoken, body: string): Uint8Array {
  if (spoken === "text") return makeFrame(opcodes.text, new TextEncoder().encode(body));
  return frameOf("SEND", [destination], body);
}

const destination = ["destination", "/topic/bench"] as const;

function textClient(url: URL, heard: () => void): CountedClient {
  const session = { hello: undefined, isReady: true, refusal: undefined, heard, paused: () => undefined };
  const audience = {
    arrived: () => undefined,
    foreign: () => undefined,
    closed: (reason: string) => {
      throw new Error(`a client was closed: ${reason}`);
    },
  };
  const connection = new Connection(new Address(url, undefined), session, audience);
  return {
    open: () => connection.open(),
    say: (frames) => connection.send(frames, 0, frames.length),
  };
}
