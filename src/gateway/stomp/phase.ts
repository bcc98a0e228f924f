import type { Deadline } from "./deadline.ts";
import type { HeartBeats } from "./heart-beats.ts";

/** The phases of a session: at first only CONNECT is allowed, and at the end nothing. */
export type Phase =
  | { readonly is: "new"; readonly deadline: Deadline | undefined }
  | { readonly is: "connected"; readonly heartBeats: HeartBeats | undefined }
  | { readonly is: "ended" };

/** The first phase. These three objects are shared by all clients, to save memory for each. */
export const isNew: Phase = { is: "new", deadline: undefined };
/** Connected, without heart-beats. */
export const withoutHeartBeats: Phase = { is: "connected", heartBeats: undefined };
/** The last phase. */
export const hasEnded: Phase = { is: "ended" };

/** Stops a phase's timers. Call it when the phase or the connection has ended. */
export function stopTimersOf(phase: Phase): void {
  if (phase.is === "connected") phase.heartBeats?.stop();
  else if (phase.is === "new") phase.deadline?.met();
}
