import { isIP } from "node:net";

/** Whether `--handler` names a service, not a file. */
export function isHandlerUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** The rule for an item of `--allow-host`: a name, `*.example.org`, or `*`, in lower case as in URLs. Undefined if it is not valid. */
export function hostRuleOf(text: string): string | undefined {
  if (text === "*") return text;
  const [, star = "", name = ""] = /^(\*\.)?([^*]+)$/.exec(text) ?? [];
  if (/[/:?#@\\\s%[\]]/.test(name)) return undefined;
  const hostname = URL.parse(`http://${name}`)?.hostname;
  return hostname === undefined || hostname === "" ? undefined : star + withoutRootDot(hostname);
}

/**
 * The names under which a manager without tokens and TLS answers. If a page's name was made to point at the manager (DNS rebinding), the
 * browser takes the manager for the page's own server. But the browser sends the name, so only names are answered that no stranger can
 * have.
 */
export class AllowedHosts {
  readonly #isAll: boolean;
  readonly #exact: ReadonlySet<string>;
  readonly #endings: readonly string[];

  /** @param rules each accepted by `hostRuleOf` */
  constructor(rules: readonly string[]) {
    const names = rules.map((rule) => hostRuleOf(rule) ?? rule);
    this.#isAll = names.includes("*");
    this.#exact = new Set(["localhost", ...names.filter((name) => !name.startsWith("*"))]);
    this.#endings = [
      ".localhost",
      ...names.filter((name) => name.startsWith("*.")).map((name) => name.slice(1)),
    ];
  }

  /** @param host the header Host, which every browser sends; a request without it is not from a page */
  has(host: string | null): boolean {
    if (this.#isAll || host === null || host === "") return true;
    const name = nameIn(host);
    if (name === undefined) return false;
    return isIP(name) !== 0 || this.#exact.has(name) || this.#endings.some((ending) => name.endsWith(ending));
  }
}

/** The host without its port; undefined if the text is no host. */
export function nameIn(host: string): string | undefined {
  const [, bracketed, name] = /^(?:\[([^\]]*)\]|([\w.-]+))(?::\d*)?$/.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? bracketed : undefined;
  return name === undefined ? undefined : withoutRootDot(name.toLowerCase());
}

/** `localhost.` is `localhost`. */
function withoutRootDot(name: string): string {
  return name.replace(/\.$/, "");
}
