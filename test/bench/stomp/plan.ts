import type { Outgoing } from "../../../src/bench/payload.ts";
import { type BenchOptions, Plan } from "../../../src/bench/plan.ts";
import { SendFrame } from "../../../src/bench/stomp/send-frame.ts";

/** The generator's plan with every message wrapped in a SEND frame. */
export class StompPlan extends Plan {
  override readonly outgoing: Outgoing;

  constructor(options: BenchOptions, runId: string) {
    super(options, runId);
    this.outgoing = new SendFrame("/topic/bench", this.layout, false);
  }
}
