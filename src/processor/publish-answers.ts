import type { OutgoingMessage } from "../message.ts";
import type { Outbox } from "../outbox/outbox.ts";

/**
 * Publishes the answers to one message. `settled` is called once, when each of them is confirmed or set aside, with why the
 * first one was that was set aside.
 */
export function publishAnswers(
  outbox: Outbox,
  answers: readonly OutgoingMessage[],
  settled: (setAside: string | undefined) => void,
): void {
  let left = answers.length;
  let reason: string | undefined;
  const settle = () => {
    if (--left === 0) settled(reason);
  };
  const waiter = {
    confirmed: settle,
    setAside(why: string) {
      reason ??= why;
      settle();
    },
  };
  if (left === 0) settled(undefined);
  for (const answer of answers) outbox.append(answer, waiter);
}
