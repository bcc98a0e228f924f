import type { LogWindow } from "../../log/window.ts";

/**
 * The length of the nearest stretch of the log before what is in memory: what records cost together, in bytes, by the size of those that are
 * in memory, and what they are at most and at least. A pack of a hundred messages takes as long to read as a hundred records of one.
 */
const nearestBytes = 4 * 1024 ** 2;
const nearestRecordsMax = 4096;
const nearestRecordsMin = 64;

/** The length of the nearest stretch, in records. */
export function nearestRecords(window: Pick<LogWindow, "recordsIn">): number {
  return window.recordsIn(nearestBytes, nearestRecordsMin, nearestRecordsMax);
}

/**
 * The stretch that a record lies in, counted back from what is in memory.
 *
 * @param nearest the length of the nearest one, in records
 */
export function stretchAt(distance: number, nearest: number): number {
  return distance <= nearest ? 0 : Math.ceil(Math.log2(distance / nearest));
}
