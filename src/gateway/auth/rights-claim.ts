import { isName } from "../../message.ts";
import { wildcardCount, wildcardsMax } from "../../topics/pattern.ts";
import { GrantedPermissions, type Permissions } from "./permissions.ts";

/** Patterns to publish to, and to subscribe to, that a token may name. */
const patternsMax = 100;

/** Rights that are kept to be shared: a thousand clients with the same claim have one object and one memory of answers. */
const sharedMax = 1024;

/**
 * What a token's claim allows: `{"publish": ["colour.*"], "subscribe": ["#"]}`, or the same as JSON text, since some issuers' claims
 * are texts. What it does not name is not allowed.
 */
export class RightsClaim {
  readonly #name: string;
  readonly #absent: Permissions;
  /** The oldest is forgotten first. */
  readonly #shared = new Map<string, Permissions>();

  /** @param name of the claim: `warren`, or where it is nested the way to it, `realm_access.warren` */
  constructor(name: string) {
    this.#name = name;
    this.#absent = new GrantedPermissions([], [], `: it has no claim "${name}"`);
  }

  /** The rights, or a sentence that says what is wrong with the claim. */
  read(claims: Readonly<Record<string, unknown>>): Permissions | string {
    const found = claimAt(claims, this.#name);
    // It may still read what is addressed to its own client id.
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
 * A claim by its name, which may have dots itself (`https://app.example.org/warren`), or by the way to it through objects. A
 * name is tried before a way.
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
