import { type AxeResults, source } from "axe-core";
import type { Page } from "playwright-core";

/** The findings of axe-core with all of its rules on the current page, each with its elements. */
export async function axeFindings(page: Page): Promise<string[]> {
  // Bypasses the page's content security policy, like the browser's own tools.
  await page.evaluate(source);
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { readonly axe: { run(): Promise<AxeResults> } };
    const { violations, passes } = await axe.run();
    // Without this check, a run that tested nothing would pass.
    if (passes.length < 10) return [`axe-core looked at ${passes.length} rules alone`];
    return violations.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
    );
  });
}
