import { type AxeResults, source } from "axe-core";
import type { Page } from "playwright-core";

/** What axe-core, with all of its rules, finds wrong with the page as it is: each finding with the elements that it is about. */
export async function axeFindings(page: Page): Promise<string[]> {
  // Past the page's content security policy, as the browser's own tools are.
  await page.evaluate(source);
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { readonly axe: { run(): Promise<AxeResults> } };
    const { violations, passes } = await axe.run();
    // Where it looked at nothing, that it finds nothing means nothing.
    if (passes.length < 10) return [`axe-core looked at ${passes.length} rules alone`];
    return violations.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
    );
  });
}
