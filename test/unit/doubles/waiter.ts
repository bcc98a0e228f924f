import type { Waiter } from "../../../src/envelope/waiter.ts";

/** Waits for a confirm, and fails the test if the message is set aside. */
export function onConfirmed(confirmed: () => void): Waiter {
  return {
    confirmed,
    setAside: (why) => {
      throw new Error(`set aside: ${why}`);
    },
  };
}
