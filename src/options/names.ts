/** `logMessages` → `--log-messages`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `logMessages` → `WARREN_LOG_MESSAGES`. */
export function variableOf(name: string): string {
  return `WARREN_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
