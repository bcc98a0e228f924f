import type { Broker } from "../broker/broker.ts";
import { readinessOf } from "../broker/readiness.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import type { Readiness } from "../ops/http.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { PastAtStart } from "./past-at-start.ts";

const readsPast: Readiness = {
  ready: false,
  why: "the last part of the log is being read, for idempotency keys and for what may come once more",
};
const keyless: Readiness = { ready: false, why: "the keys to check tokens with are not there yet" };

/** Whether a manager is ready for clients, and if not, why. */
export function managerReadiness(
  auth: Auth | undefined,
  past: PastAtStart,
  broker: Broker,
  outbox: Outbox,
  isStopping: boolean,
): Readiness {
  if (auth?.hasKeys === false) return keyless;
  const status = broker.status();
  if (!past.isKnown && status.state === "ready") return readsPast;
  return readinessOf(status, isStopping, outbox.isFull);
}
