/** Where each interval was set that is not cleared. */
const places = new Map<unknown, string>();

const frameOfTest = /\((?:file:\/\/)?\S*?(test\/(?:unit|scale|integration\/scripted-broker)\/\S+?)\)/;

/**
 * From now on notes the intervals that tests set in their own process, in test/unit, test/scale and with a scripted broker, until they are cleared. One that a test leaves behind goes on in all tests after it: a
 * timer wheel in which a fake clock was set back later went round for ever. Fake timers end with their test.
 */
export function watchIntervals(): void {
  const { setInterval: set, clearInterval: clear } = globalThis;
  const watched = (...args: Parameters<typeof set>) => {
    const interval = set(...args);
    const [, place] = frameOfTest.exec(new Error("set here").stack ?? "") ?? [];
    if (place !== undefined && !areFake()) places.set(interval, place);
    return interval;
  };
  globalThis.setInterval = Object.assign(watched, set);
  globalThis.clearInterval = ((interval?: Parameters<typeof clear>[0]) => {
    places.delete(interval);
    clear(interval);
  }) as typeof clear;
}

/** How Bun marks fake timers. */
function areFake(): boolean {
  return (globalThis.setTimeout as { readonly clock?: boolean }).clock === true;
}

/** @throws Error with the names of the tests that have left an interval behind */
export function checkIntervals(): void {
  if (places.size > 0)
    throw new Error(`intervals were set and not cleared: ${[...places.values()].join(", ")}`);
}
