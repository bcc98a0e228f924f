import type { Readiness } from "../ops/http.ts";
import type { BrokerStatus } from "./broker.ts";

/** Ready means that everything attached to the broker is in force, that the outbox has room, and that the process is not stopping. */
export function readinessOf(broker: BrokerStatus, isStopping: boolean, isOutboxFull: boolean): Readiness {
  if (isStopping) return { ready: false, why: "stopping" };
  if (isOutboxFull) return { ready: false, why: "the outbox is full: RabbitMQ takes messages too slowly" };
  switch (broker.state) {
    case "ready":
      return { ready: true };
    case "connecting":
      return { ready: false, why: `broker not connected: ${broker.why}` };
    case "blocked":
      return { ready: false, why: broker.why };
    case "closed":
      return { ready: false, why: "broker closed" };
  }
}
