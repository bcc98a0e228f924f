import { startPage } from "./client-page.ts";
import { hostLinks, type LinkPort } from "./session/link-host.ts";
import { openStompLink } from "./session/stomp-link.ts";

// The page and its worker share one script, so that the browser loads and caches it once.
if (typeof document === "undefined") hostLinks(globalThis as unknown as LinkPort, openStompLink);
else startPage(() => new Worker(import.meta.url, { type: "module" }));
