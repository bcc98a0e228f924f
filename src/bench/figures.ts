/** How numbers are shown to people. */

/** `1,308,000`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `412 µs`, `3.84 ms`, `1.20 s`. */
export function latency(micros: number): string {
  if (micros < 1000) return `${micros} µs`;
  if (micros < 1e6) return `${(micros / 1000).toPrecision(3)} ms`;
  return `${(micros / 1e6).toFixed(2)} s`;
}

/** `10 s`, `0.5 s`. */
export function duration(ms: number): string {
  return `${ms / 1000} s`;
}

/** `64 B`, `1 KiB`, `1.5 MiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2
    ? `${Number((bytes / 1024).toFixed(1))} KiB`
    : `${Number((bytes / 1024 ** 2).toFixed(1))} MiB`;
}
