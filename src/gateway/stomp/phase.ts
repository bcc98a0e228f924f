import type { Deadline } from "./deadline.ts";
import type { HeartBeats } from "./heart-beats.ts";

/** The phases of a session: nothing but CONNECT is allowed at first, and nothing at all in the end. */
export type Phase =
  | { readonly is: "new"; readonly deadline: Deadline | undefined }
  | { readonly is: "connected"; readonly heartBeats: HeartBeats | undefined }
  | { readonly is: "ended" };

/** The beginning. These three are shared by all clients: an object for each would add to the memory that each takes. */
export const isNew: Phase = { is: "new", deadline: undefined };
/** Connected, without heart-beats. */
export const withoutHeartBeats: Phase = { is: "connected", heartBeats: undefined };
/** The end. */
export const hasEnded: Phase = { is: "ended" };

/** Stops a phase's timers. Call it when the phase is over, or the connection. */
export function stopTimersOf(phase: Phase): void {
  if (phase.is === "connected") phase.heartBeats?.stop();
  else if (phase.is === "new") phase.deadline?.met();
}
