import { pageHeader } from "../../src/wire/page-header.ts";
import type { HttpAnswer } from "./closing.ts";

/** How long an answer may take. In milliseconds. */
const timeoutMs = 5_000;

/** Sends an ordinary HTTP request to the WebSocket's address. Undefined if nothing answers. */
export async function askOverHttp(socketUrl: string): Promise<HttpAnswer | undefined> {
  try {
    const response = await fetch(socketUrl.replace(/^ws/, "http"), {
      cache: "no-store",
      headers: { [pageHeader]: location.origin },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const isText = response.headers.get("content-type")?.startsWith("text/plain") === true;
    return { status: response.status, text: isText ? await response.text() : "" };
  } catch {
    return undefined; // no network, no manager, or no answer in time
  }
}
