import { KnownRepeats } from "../../../src/log/known-repeats.ts";

/** What a shared log says of repeats when its follower has read all of it and found none. */
export function nothingRepeated() {
  const repeats = new KnownRepeats();
  repeats.reachesBackTo(0);
  return { repeats, isPastKnown: () => true };
}
