import type { LogWindow } from "../../log/window.ts";

/**
 * The length of the nearest stretch of the log before what is in memory: what its records cost together, in bytes, estimated by the records
 * in memory, and the least and most records that it has. A pack of a hundred messages takes as long to read as a hundred records of one
 * message.
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
 * @param nearest the length of the nearest stretch, in records
 */
export function stretchAt(distance: number, nearest: number): number {
  return distance <= nearest ? 0 : Math.ceil(Math.log2(distance / nearest));
}
