import type { OutboxLimits } from "../../../src/outbox/limits.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { RecordingLink } from "../doubles/recording-link.ts";

/** Longer than any wait after a refusal. */
export const afterRefusalMs = 5001;

export function outboxOf(isPacking = false, limits: Partial<OutboxLimits> = {}) {
  return new Outbox("app", isPacking, limits);
}

/** An outbox with an open link. */
export function connected(isPacking = false, limits: Partial<OutboxLimits> = {}) {
  const outbox = outboxOf(isPacking, limits);
  const link = new RecordingLink();
  outbox.opened(link);
  return { outbox, link };
}

export function appendAll(outbox: Outbox, bodies: readonly string[]): void {
  for (const body of bodies) outbox.append({ body, topic: "" });
}

export const numbered = (count: number, size = 1) =>
  Array.from({ length: count }, (_, index) => String(index).padStart(size, "."));
