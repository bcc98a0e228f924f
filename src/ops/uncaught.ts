import { reasonOf } from "../errors.ts";
import type { Logger } from "./logger.ts";

/**
 * From now on, an error or a rejection that nothing has caught ends this process with exit code 1, after a line that tells of it.
 * Bun would print it and go on, with whatever it has interrupted left half done: a role that is deaf, where a supervisor could
 * start another. A handler's stray rejection is no exception, as in Node: nobody can tell whose it is.
 */
export function endOnUncaught(logger: Logger): void {
  const end = (thrown: unknown) => {
    logger.error("uncaught error: this process ends", {
      reason: reasonOf(thrown),
      stack: thrown instanceof Error ? thrown.stack : undefined,
    });
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}
