import { startPage } from "./client-page.ts";
import { hostLinks, type LinkPort } from "./session/link-host.ts";
import { openStompLink } from "./session/stomp-link.ts";

// One script for both: it is fetched and kept once.
if (typeof document === "undefined") hostLinks(globalThis as unknown as LinkPort, openStompLink);
else startPage(() => new Worker(import.meta.url, { type: "module" }));
