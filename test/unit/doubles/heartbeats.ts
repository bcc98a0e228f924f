import type { Heartbeat, Known } from "../../../src/events/event.ts";

/** The name of a manager's exchange for events, of its first epoch or a later one. */
export const sourceOf = (manager: string, n = 1) => `wsmanager.events.${manager}.${n}`;

/** What one manager tells of another that has so many exchanges. */
export const known = (manager: string, sources = 1): Known => [
  manager,
  Array.from({ length: sources }, (_, n) => sourceOf(manager, n + 1)),
  0,
];

/** The heartbeat of a manager, and which others it knows. */
export const beatOf = (manager: string, knows: readonly Known[] = []): Heartbeat => ({
  ...{ manager, source: sourceOf(manager), sources: [sourceOf(manager)], snapshotAt: 0, isSettled: false },
  knows,
});
