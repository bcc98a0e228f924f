/**
 * Draws at most once per animation frame, and not at all while the tab is hidden, so that a flood of messages costs one pass over the list
 * per frame, and not one per message.
 *
 * @param restMs the least time between two frames that are drawn
 */
export function oncePerFrame(draw: () => void, restMs: () => number): () => void {
  let planned = false;
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  const drawInFrame = () =>
    requestAnimationFrame(() => {
      planned = false;
      drawnAtMs = performance.now();
      draw();
    });
  return () => {
    if (planned) return;
    planned = true;
    const restsMs = drawnAtMs + restMs() - performance.now();
    if (restsMs > 0) setTimeout(drawInFrame, restsMs);
    else drawInFrame();
  };
}
