import { FFIType, ptr } from "bun:ffi";
import { openLibc } from "./libc.ts";

/** clock_gettime's number for the CPU time of the calling thread. */
const threadClock = 3;

let read: (() => number) | undefined;

/**
 * The CPU time that this thread has taken, in milliseconds. Unlike the clock it does not count while other processes have the core.
 *
 * `process.threadCpuUsage` tells what was counted at the kernel's last tick, or when the thread last lost its core: up to 4 ms ago. It is
 * asked only where the system's own clock cannot be.
 */
export function threadCpuMs(): number {
  read ??= preciseClock() ?? coarseClock;
  return read();
}

function preciseClock(): (() => number) | undefined {
  const { i32, ptr: pointer } = FFIType;
  const libc = openLibc({ clock_gettime: { args: [i32, pointer], returns: i32 } });
  if (libc === undefined) return undefined;
  // `struct timespec`: seconds and nanoseconds, of 64 bits each, of which the lower halves are enough.
  const time = new Uint32Array(new ArrayBuffer(16));
  const timeAt = ptr(time);
  const clock = () =>
    libc.clock_gettime(threadClock, timeAt) === 0 ? time[0]! * 1e3 + time[2]! / 1e6 : Number.NaN;
  return Number.isNaN(clock()) ? undefined : clock;
}

function coarseClock(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
