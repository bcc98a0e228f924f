/** Waits until what is due at the end of this turn of the event loop has run, and the promises it settled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
