import type { Logger } from "../ops/logger.ts";
import { Notices } from "../ops/notices.ts";
import type { AnnouncerHooks } from "./announcer.ts";

/** The log lines about an announcer's faults. */
export function warningsTo(logger: Logger): Pick<AnnouncerHooks, "onFault" | "onRefused"> {
  const notices = new Notices(logger);
  const mend = "give the queue x-overflow: drop-head, or have it read";
  return {
    onFault: (reason) => logger.warn("the log of client events could not be read, trying again", { reason }),
    onRefused: () =>
      notices.warnOnce(
        "RabbitMQ refuses events of clients: a queue that a program has bound is full",
        "exchange",
        "wsmanager.events",
        () => ({ mend }),
      ),
  };
}
