/** How long what is missing is waited for, in milliseconds. After that it counts as lost. */
export interface Patience {
  /** No arrival for this long means that nothing more will come. */
  readonly quietMs: number;
  /** How long to wait at most. */
  readonly mostMs: number;
}

const usual: Patience = { quietMs: 1000, mostMs: 10_000 };

const interruptedMsMax = 2000;

/** The wait after the last expected message, so that surplus copies are seen too. */
const surplusMs = 100;

const pollMs = 10;

/** What a drain looks at. */
export interface Account {
  /** Messages of any kind that arrived so far. */
  readonly received: number;
  /** Whether everything that was sent has come. */
  readonly isComplete: boolean;
}

/** Why waiting ended: everything came, nothing came any more, or it took too long. */
export type DrainEnd = "complete" | "quiet" | "timeout";

/** Waits for the answers that are still under way, for less time when someone waits for an interrupted run to end. */
export async function drain(
  account: Account,
  isInterrupted: boolean,
  { quietMs, mostMs }: Patience = usual,
): Promise<DrainEnd> {
  const startMs = performance.now();
  const deadlineMs = startMs + (isInterrupted ? interruptedMsMax : mostMs);
  let received = account.received;
  let lastArrivalMs = startMs;
  for (;;) {
    if (account.isComplete) {
      await Bun.sleep(surplusMs);
      return "complete";
    }
    await Bun.sleep(pollMs);
    const nowMs = performance.now();
    if (account.received > received) {
      received = account.received;
      lastArrivalMs = nowMs;
    }
    if (nowMs - lastArrivalMs >= quietMs) return "quiet";
    if (nowMs >= deadlineMs) return "timeout";
  }
}
