/**
 * Keeps the page as high as what can be seen of it. iOS lays its keyboard over the page instead of resizing
 * it, and scrolls the rest out of sight. A page zoomed in with two fingers is left alone.
 */
export function followViewport(viewport: VisualViewport): void {
  viewport.addEventListener("resize", () => {
    if (viewport.scale !== 1) return;
    document.documentElement.style.setProperty("--seen-height", `${viewport.height}px`);
    scrollTo(0, 0);
  });
}
