import type { Envelope } from "./envelope.ts";

/** Positive numbers that need no more than six characters. */
const mask = 0x7fff_ffff;

/**
 * Tells a record of the log from the one that another log has at the same place: a few letters and digits, the same on every manager and in
 * every version. It is made of the message's id and time, and of its body if its publisher gave it no id.
 */
export function fingerprintOf({ messageId, timestamp, body }: Fingerprinted): string {
  const said = `${messageId ?? ""} ${timestamp ?? ""}`;
  const seed = messageId === undefined ? Bun.hash.xxHash32(body) : 0;
  return (Bun.hash.xxHash32(said, seed) & mask).toString(36);
}

type Fingerprinted = Pick<Envelope, "messageId" | "timestamp" | "body">;
