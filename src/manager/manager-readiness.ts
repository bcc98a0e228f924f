import type { Broker } from "../broker/broker.ts";
import { readinessOf } from "../broker/readiness.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import type { Readiness } from "../ops/http.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { KeysAtStart } from "./keys-at-start.ts";

const readsKeys: Readiness = {
  ready: false,
  why: "the idempotency keys of the last --idempotency-window are being read from the log",
};
const keyless: Readiness = { ready: false, why: "the keys to check tokens with are not there yet" };

/** Whether a manager is ready for clients, and if not, why. */
export function managerReadiness(
  auth: Auth | undefined,
  keysAtStart: KeysAtStart,
  broker: Broker,
  outbox: Outbox,
  isStopping: boolean,
): Readiness {
  if (auth?.hasKeys === false) return keyless;
  const status = broker.status();
  if (keysAtStart.isReading && status.state === "ready") return readsKeys;
  return readinessOf(status, isStopping, outbox.isFull);
}
