/** Units at the end of names in the code. Flags and variables take numbers with their units instead (`10s`). */
const unit = /Ms$/;

/** `stopTimeoutMs` → `stopTimeout`, for values that are shown with their unit. */
export function withoutUnit(name: string): string {
  return name.replace(unit, "");
}

/** `logMessages` → `--log-messages`, `stopTimeoutMs` → `--stop-timeout`. */
export function flagOf(name: string): string {
  return `--${withoutUnit(name).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `logMessages` → `WARREN_LOG_MESSAGES`, `stopTimeoutMs` → `WARREN_STOP_TIMEOUT`. */
export function variableOf(name: string): string {
  return `WARREN_${withoutUnit(name)
    .replaceAll(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;
}
