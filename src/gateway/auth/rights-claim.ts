import { isName } from "../../message.ts";
import { wildcardCount, wildcardsMax } from "../../topics/pattern.ts";
import { GrantedPermissions, type Permissions } from "./permissions.ts";

/** How many patterns a token may have, to publish to and to subscribe to. */
const patternsMax = 100;

/** How many sets of rights are shared: a thousand clients with the same claim use one object and its remembered results. */
const sharedMax = 1024;

/**
 * Reads the rights from a token's claim: `{"publish": ["colour.*"], "subscribe": ["#"]}`, or the same as JSON text, since some issuers only
 * have text claims. What the claim does not allow is forbidden.
 */
export class RightsClaim {
  readonly #name: string;
  readonly #absent: Permissions;
  /** Rights by their claim. The oldest is forgotten first. */
  readonly #shared = new Map<string, Permissions>();

  /** @param name the claim's name, `warren`, or the path to a nested one, `realm_access.warren` */
  constructor(name: string) {
    this.#name = name;
    this.#absent = new GrantedPermissions([], [], `: it has no claim "${name}"`);
  }

  /** Returns the rights, or a sentence that says what is wrong with the claim. */
  read(claims: Readonly<Record<string, unknown>>): Permissions | string {
    const found = claimAt(claims, this.#name);
    // It still gets messages that are addressed to its client id.
    if (found === undefined) return this.#absent;
    const claim = typeof found === "string" ? parsed(found) : found;
    if (!isObject(claim)) return "is an object with publish, subscribe and app, or that as JSON text";
    const publish = patternsOf(claim["publish"]);
    const subscribe = patternsOf(claim["subscribe"]);
    const app = patternsOf(claim["app"]);
    if (publish === undefined || subscribe === undefined || app === undefined) {
      return `has in publish, subscribe and app lists of at most ${patternsMax} topic patterns, each of at most 255 bytes and ${wildcardsMax} wildcards`;
    }
    const key = JSON.stringify([publish, subscribe, app]);
    let rights = this.#shared.get(key);
    if (rights === undefined) {
      rights = new GrantedPermissions(publish, subscribe, "", app);
      if (this.#shared.size >= sharedMax) this.#shared.delete(this.#shared.keys().next().value!);
      this.#shared.set(key, rights);
    }
    return rights;
  }
}

/**
 * Finds a claim by its name, which may contain dots (`https://app.example.org/warren`), or else by the path to it through objects.
 */
function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  for (let dot = path.indexOf("."); dot !== -1; dot = path.indexOf(".", dot + 1)) {
    const name = path.slice(0, dot);
    const inner = Object.hasOwn(claims, name) ? claims[name] : undefined;
    const found = isObject(inner) ? claimAt(inner, path.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function patternsOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  return Array.isArray(value) && value.length <= patternsMax && value.every(isTopicPattern)
    ? value
    : undefined;
}

function isTopicPattern(value: unknown): value is string {
  return typeof value === "string" && isName(value) && wildcardCount(value) <= wildcardsMax;
}
