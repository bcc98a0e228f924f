/**
 * Draws at most once per animation frame however often it is asked to, and not at all while the tab is
 * hidden: a flood of messages costs one pass over the list, not one per message.
 */
export function oncePerFrame(draw: () => void): () => void {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      draw();
    });
  };
}
