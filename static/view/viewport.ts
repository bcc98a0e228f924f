/**
 * Keeps the page as high as its visible part. iOS puts its keyboard over the page instead of resizing it, and scrolls the rest out of
 * sight. A page that is zoomed in is left alone.
 */
export function followViewport(viewport: VisualViewport): void {
  viewport.addEventListener("resize", () => {
    if (viewport.scale !== 1) return;
    document.documentElement.style.setProperty("--seen-height", `${viewport.height}px`);
    scrollTo(0, 0);
  });
}
