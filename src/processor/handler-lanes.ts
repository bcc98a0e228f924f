import type { Logger } from "../ops/logger.ts";
import { timerMsMax } from "./handling.ts";
import { shareOf } from "./intake.ts";
import { Lanes } from "./lanes.ts";

/** A handler that goes on after its timeout counts for this many times the timeout, and at least for this many milliseconds. */
const keepFactor = 10;
const keepMsMin = 6000;
/** How long synchronous handlers may occupy the event loop at a time, in milliseconds. */
const turnMs = 10;
/** The least time between two log lines about handlers that go on, in milliseconds. */
const everyMs = 1000;

interface HandlerLimits {
  readonly concurrency: number;
  readonly prefetch: number;
  readonly handlerTimeoutMs: number;
}

/** The lanes in which a processor's handlers run. */
export function lanesFor(limits: HandlerLimits, logger: Logger): Lanes {
  const { concurrency, prefetch, handlerTimeoutMs } = limits;
  const keepMs = Math.min(timerMsMax, Math.max(keepMsMin, keepFactor * handlerTimeoutMs));
  // As many handlers may go on after their timeout as may run. So handlers that hang do not stop the processor.
  const outlivingMax = concurrency;
  const lanes = new Lanes({ concurrency, outlivingMax, share: shareOf(prefetch), keepMs, turnMs });
  lanes.onOutliving = logOutliving(limits, logger);
  return lanes;
}

/** Logs, not too often, that handlers go on after their timeout. */
function logOutliving(
  { concurrency, handlerTimeoutMs }: HandlerLimits,
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
