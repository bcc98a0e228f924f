import type { Deadline } from "./deadline.ts";
import type { HeartBeats } from "./heart-beats.ts";

/** The phases of a session: nothing but CONNECT is allowed at first, and nothing at all in the end. */
export type Phase =
  | { readonly is: "new"; readonly deadline: Deadline | undefined }
  | { readonly is: "connected"; readonly heartBeats: HeartBeats | undefined }
  | { readonly is: "ended" };

// Shared by all clients, to whom every object of their own adds memory.
export const isNew: Phase = { is: "new", deadline: undefined };
export const withoutHeartBeats: Phase = { is: "connected", heartBeats: undefined };
export const hasEnded: Phase = { is: "ended" };

/** To be called when a phase is over, or the connection. */
export function stopTimersOf(phase: Phase): void {
  if (phase.is === "connected") phase.heartBeats?.stop();
  else if (phase.is === "new") phase.deadline?.met();
}
