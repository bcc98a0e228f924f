import type { Page } from "playwright-core";

/** The least contrast of WCAG 2.2 AA for text of ordinary size. */
const contrastMin = 4.5;

/** All visible texts of the page with too little contrast. */
export function contrastFaults(page: Page): Promise<string[]> {
  return page.evaluate((least) => {
    const channels = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (colour: string) => {
      const [red, green, blue] = channels(colour).map((channel) => {
        const share = channel / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
    };
    const behind = (element: Element | null): string => {
      if (element === null) return "rgb(255, 255, 255)";
      const colour = getComputedStyle(element).backgroundColor;
      return channels(colour)[3] === 0 ? behind(element.parentElement) : colour;
    };
    const faults: string[] = [];
    for (const element of document.body.querySelectorAll("*")) {
      const text = [...element.childNodes]
        .filter((node) => node.nodeType === Node.TEXT_NODE)
        .map((node) => node.textContent?.trim())
        .join("");
      const placeholder = element.getAttribute("placeholder");
      if ((text === "" && placeholder === null) || !element.checkVisibility()) continue;
      const ink = getComputedStyle(element, placeholder === null ? null : "::placeholder").color;
      const [lighter, darker] = [luminance(ink), luminance(behind(element))].sort((a, b) => b - a);
      const contrast = (lighter! + 0.05) / (darker! + 0.05);
      if (contrast < least) faults.push(`${contrast.toFixed(2)} to 1: ${text || placeholder}`);
    }
    return faults;
  }, contrastMin);
}
