import type { Logger } from "../ops/logger.ts";
import type { Lanes } from "./lanes.ts";

/** How often it is logged that handlers go on, in milliseconds. */
const everyMs = 1000;

/** Logs, not too often, that handlers go on after their timeout. */
export function logOutliving(
  { concurrency, handlerTimeoutMs }: { readonly concurrency: number; readonly handlerTimeoutMs: number },
  logger: Logger,
): Lanes["onOutliving"] {
  let loggedMs = Number.NEGATIVE_INFINITY;
  return (outliving, why) => {
    const nowMs = performance.now();
    if (nowMs - loggedMs < everyMs) return;
    loggedMs = nowMs;
    logger.warn(
      why === "begins"
        ? "a handler goes on after its timeout; when more than --concurrency do, they take places of others"
        : "a handler has not ended long after its timeout; it is not counted any more",
      { goingOn: outliving, concurrency, handlerTimeoutMs },
    );
  };
}
