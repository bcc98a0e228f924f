import type { Page } from "playwright-core";

/** The goal forbids frames longer than this, in milliseconds. */
const longMs = 100;

/** One interval between two animation frames. */
interface Frame {
  /** When it ended, in milliseconds since 1970: the clock that all pages of the machine share. */
  readonly endedAtMs: number;
  readonly tookMs: number;
}

/** The lengths of a page's frames, in milliseconds. */
export interface Frames {
  readonly count: number;
  readonly longest: number;
  readonly p99: number;
}

/** The frames of a page, and of an empty one that was watched at the same time. */
export interface FramesBeside {
  readonly page: Frames;
  readonly empty: Frames;
  /** Frames of the page that were too long. */
  readonly long: number;
  /** Those at whose time the empty page had a frame at least half as long, so that the machine or the browser was the cause. */
  readonly longForBoth: number;
}

/** Watches both pages for a while. An interval between two calls of `requestAnimationFrame` counts as a frame. */
export async function framesBeside(page: Page, empty: Page, durationMs: number): Promise<FramesBeside> {
  const [ofPage, ofEmpty] = await Promise.all([
    watchFrames(page, durationMs),
    watchFrames(empty, durationMs),
  ]);
  const long = ofPage.filter(({ tookMs }) => tookMs > longMs);
  const longForBoth = long.filter((frame) =>
    ofEmpty.some((other) => other.tookMs >= frame.tookMs / 2 && overlap(frame, other)),
  );
  return {
    page: summary(ofPage),
    empty: summary(ofEmpty),
    long: long.length,
    longForBoth: longForBoth.length,
  };
}

function overlap(one: Frame, other: Frame): boolean {
  return one.endedAtMs > other.endedAtMs - other.tookMs && other.endedAtMs > one.endedAtMs - one.tookMs;
}

function summary(frames: readonly Frame[]): Frames {
  const took = frames.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
  const p99 = took[Math.floor(took.length * 0.99)] ?? Number.NaN;
  return { count: took.length, longest: took.at(-1) ?? Number.NaN, p99 };
}

function watchFrames(watched: Page, durationMs: number): Promise<readonly Frame[]> {
  return watched.evaluate(async (ms) => {
    const { promise, resolve } = Promise.withResolvers<Frame[]>();
    const frames: Frame[] = [];
    let last = performance.now();
    const until = last + ms;
    const step = () => {
      const now = performance.now();
      frames.push({ endedAtMs: performance.timeOrigin + now, tookMs: now - last });
      last = now;
      if (now < until) requestAnimationFrame(step);
      // The first interval began before the first frame.
      else resolve(frames.slice(1));
    };
    requestAnimationFrame(step);
    return await promise;
  }, durationMs);
}
