/** The origin of pages that have none of their own: from files, and in sandboxed frames of any site. */
const noOrigin = "null";

/**
 * An origin as it is compared: `https://App.Example.org:443/` is `https://app.example.org`. Schemes of app shells and
 * extensions (`capacitor://localhost`, `chrome-extension://ID`) have a host too, and `file://` is `null`, as most browsers say.
 * Undefined if the text is no origin: one with a path, a user or without a host.
 */
export function originOf(text: string): string | undefined {
  if (text === noOrigin) return noOrigin;
  if (/^file:\/\/\/?$/i.test(text)) return noOrigin;
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s]+\/?$/i.test(text)) return undefined;
  const url = URL.parse(text);
  if (url === null || url.host === "") return undefined;
  // URL computes the origin, and lowers a host's case, only for the web's own schemes.
  return url.origin === noOrigin ? `${url.protocol}//${url.host.toLowerCase()}` : url.origin;
}

/** What `--allow-origin` may have: an origin, `https://*.example.org`, `moz-extension://*`, `*`, `null`. */
export function isOriginRule(text: string): boolean {
  if (text === "*") return true;
  const origin = originOf(text);
  if (origin === undefined) return false;
  const [, scheme = "", host = ""] = /^([^:]+):\/\/(.*)$/.exec(origin) ?? [];
  if (!host.includes("*")) return true;
  // Firefox gives an extension another host in each browser.
  if (host === "*") return scheme !== "http" && scheme !== "https";
  return host.startsWith("*.") && !host.slice(2).includes("*");
}
