import { reasonOf, stackOf } from "../errors.ts";
import type { Logger } from "./logger.ts";

/**
 * From now on, an error or a rejection that nothing has caught ends this process with exit code 1, after a log line. Bun would print it and
 * go on, with half-done work: a role might not react any more, although a supervisor could restart it. This includes a handler's unhandled
 * rejection, as in Node, since nobody can tell where it comes from.
 */
export function endOnUncaught(logger: Logger): void {
  const end = (thrown: unknown) => {
    logger.error("uncaught error: this process ends", {
      reason: reasonOf(thrown),
      stack: stackOf(thrown),
    });
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}
