import { PayloadLayout } from "../../../src/bench/payload.ts";
import { type BenchOptions, Plan } from "../../../src/bench/plan.ts";

const head = new TextEncoder().encode("SEND\ndestination:/topic/bench\n\n");

/** What a SEND frame adds to a message, in bytes: its head, and the NUL at its end. */
const frameBytes = head.length + 1;

/** The generator's message as the body of a SEND frame. Received ones are read where they lie, without a head. */
class SendLayout extends PayloadLayout {
  override prepare(bytes: Uint8Array, at: number): void {
    bytes.set(head, at);
    super.prepare(bytes, at + head.length);
    bytes[at + head.length + this.sizeBytes] = 0;
  }

  override number(bytes: Uint8Array, at: number, publisher: number, sequence: number): void {
    super.number(bytes, at + head.length, publisher, sequence);
  }
}

/** The generator's plan with every message wrapped in a SEND frame. */
export class StompPlan extends Plan {
  override readonly layout: PayloadLayout;

  constructor(options: BenchOptions, runId: string) {
    super({ ...options, size: options.size + frameBytes }, runId);
    const perPublisher = Math.ceil(this.messages / this.publishers);
    this.layout = new SendLayout(runId, this.publishers, perPublisher, options.size);
  }
}
