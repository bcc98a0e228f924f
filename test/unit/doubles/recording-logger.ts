import type { Fields, Level, Logger } from "../../../src/ops/logger.ts";

/** A log that remembers what it was told. */
export class RecordingLogger implements Logger {
  readonly lines: { readonly level: Level; readonly message: string; readonly fields: Fields }[] = [];

  wants(): boolean {
    return true;
  }
  debug(message: string, fields: Fields = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }
  info(message: string, fields: Fields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }
  warn(message: string, fields: Fields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }
  error(message: string, fields: Fields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }
}
