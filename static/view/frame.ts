/**
 * Draws at most once per animation frame however often it is asked to, and not at all while the tab is
 * hidden: a flood of messages costs one pass over the list, not one per message.
 *
 * @param restMs for how long nothing is drawn after it was
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
