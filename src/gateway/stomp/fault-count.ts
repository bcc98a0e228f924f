import { LabelledCounter } from "../../ops/metrics.ts";
import { type FaultReason, faultReasons } from "../../wire/stomp/fault.ts";

/** ERROR frames that clients got. */
export function countFaults(): LabelledCounter<FaultReason> {
  return new LabelledCounter(
    {
      name: "warren_stomp_errors_total",
      help: "ERROR frames that STOMP clients got, each of which ended a connection.",
      label: "reason",
    },
    faultReasons,
  );
}
