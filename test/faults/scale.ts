/** Set: flocks have the size that they are to have, and take the time that they are to take. Otherwise both are a fifth, so that any machine can hold them. */
export const fullVariable = "WARREN_TEST_FULL_FLOCKS";

const divisor = 5;

/** A number of clients, or a time, as it is played here: of what each client may take, nothing changes. */
export function scaled(full: number): number {
  return Bun.env[fullVariable] === undefined ? full / divisor : full;
}
