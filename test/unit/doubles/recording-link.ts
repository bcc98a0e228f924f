import type { PublishLink } from "../../../src/broker/broker.ts";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { open } from "../../../src/envelope/envelope.ts";

/** A link that remembers what was sent over it. The envelope at index 0 has tag 1. */
export class RecordingLink implements PublishLink {
  readonly sends: (readonly Envelope[])[] = [];
  readonly isCostly: boolean;
  headBytesMax = Number.POSITIVE_INFINITY;
  unwritten = 0;
  isCongested = false;

  constructor(isCostly = true) {
    this.isCostly = isCostly;
  }

  send(envelopes: readonly Envelope[]): void {
    this.sends.push(envelopes);
  }

  readonly givenUp: string[] = [];

  giveUp(why: string): void {
    this.givenUp.push(why);
  }

  get envelopes(): readonly Envelope[] {
    return this.sends.flat();
  }

  get ids(): readonly (string | undefined)[] {
    return this.envelopes.map((envelope) => envelope.messageId);
  }

  /** The bodies of all messages, packed or not, in order. */
  get bodies(): readonly (string | Uint8Array)[] {
    return this.envelopes.flatMap((envelope) => open(envelope, "?").map(({ body }) => body));
  }
}
