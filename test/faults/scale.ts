/** If set, flocks have their full size and time. Otherwise both are a fifth, so that any machine can run them. */
export const fullVariable = "WARREN_TEST_FULL_FLOCKS";

const divisor = 5;

/** Scales a number of clients, or a time. The limits of a single client do not change. */
export function scaled(full: number): number {
  return Bun.env[fullVariable] === undefined ? full / divisor : full;
}
