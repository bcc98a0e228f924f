import type { Locator, Page } from "playwright-core";
import type { Entry } from "../../static/session/entry.ts";

export type RowKind = Entry["kind"] | "processed.answers-own";

/** The rows of a kind that show exactly this text. */
export function rows(page: Page, kind: RowKind, text?: string): Locator {
  const all = page.locator(`#messages .row.${kind}`);
  if (text === undefined) return all;
  return all.filter({ has: page.locator(".text", { hasText: new RegExp(`^${RegExp.escape(text)}$`) }) });
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

export async function untilStatus(page: Page, is: "connected" | "waiting"): Promise<void> {
  await page.locator(`#status[data-is="${is}"]`).waitFor();
}
