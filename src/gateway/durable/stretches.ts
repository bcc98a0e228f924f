import type { LogWindow } from "../../log/window.ts";

/**
 * The length of the nearest stretch of the log before what is in memory: what its records cost together, in bytes, estimated by the records
 * in memory, and the least and most records that it has. A pack of a hundred messages takes as long to read as a hundred records of one
 * message.
 */
const nearestBytes = 4 * 1024 ** 2;
const nearestRecordsMax = 4096;
const nearestRecordsMin = 64;

/** How many sweeps may run in the nearest stretch. They are short, so a subscription that is just older than memory need not wait for another. */
const nearestSweepsMax = 3;
/** How many readings of the log may run besides those in the nearest stretch. Each is a channel and a consumer in RabbitMQ. */
const farSweepsMax = 4;
/** How many sweeps may run. */
export const sweepsMax = nearestSweepsMax + farSweepsMax;

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
  return Math.max(0, groupAt(distance, nearest));
}

/**
 * Who begins together: all in a stretch, and in the nearest one, where several sweeps may run, all in its further half, in its third
 * quarter, or in its last one. Otherwise one that is just older than memory would wait until what lies behind it is read.
 *
 * @returns the stretch, or 0 and less in the nearest one
 */
export function groupAt(distance: number, nearest: number): number {
  return Math.max(1 - nearestSweepsMax, Math.ceil(Math.log2(distance / nearest)));
}

/**
 * Whether a sweep may begin in a stretch.
 *
 * @param taken the stretch that each running sweep began in; undefined for one that has left it
 */
export function isFree(stretch: number, taken: readonly (number | undefined)[]): boolean {
  const there = taken.filter((each) => each === stretch).length;
  if (stretch === 0) return there < nearestSweepsMax;
  return there === 0 && taken.filter((each) => each !== 0).length < farSweepsMax;
}
