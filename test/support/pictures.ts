import { join } from "node:path";
import type { Page } from "playwright-core";

const folder = process.env["WARREN_TEST_SCREENSHOTS"];

/** Where WARREN_TEST_SCREENSHOTS names a folder, the page as it is becomes a picture there, to be looked at. */
export async function takePicture(page: Page, name: string): Promise<void> {
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}
