import { isName } from "../../message.ts";
import { wildcardCount, wildcardsMax } from "../topic-trie.ts";
import { GrantedPermissions, type Permissions } from "./permissions.ts";

/** Patterns to publish to, and to subscribe to, that a token may name. */
const patternsMax = 100;

/** Rights that are kept to be shared: a thousand clients with the same claim have one object and one memory of answers. */
const sharedMax = 1024;

/** What a token's claim allows: `{"publish": ["colour.*"], "subscribe": ["#"]}`. What it does not name is not allowed. */
export class RightsClaim {
  /** The oldest is forgotten first. */
  readonly #shared = new Map<string, Permissions>();

  /** The rights, or a sentence that says what is wrong with the claim. */
  read(claim: unknown): Permissions | string {
    if (claim !== undefined && !isObject(claim)) return "is an object with publish and subscribe";
    const publish = patternsOf(claim?.["publish"]);
    const subscribe = patternsOf(claim?.["subscribe"]);
    if (publish === undefined || subscribe === undefined) {
      return `has in publish and subscribe lists of at most ${patternsMax} topic patterns, each of at most 255 bytes and ${wildcardsMax} wildcards`;
    }
    const key = JSON.stringify([publish, subscribe]);
    let rights = this.#shared.get(key);
    if (rights === undefined) {
      rights = new GrantedPermissions(publish, subscribe);
      if (this.#shared.size >= sharedMax) this.#shared.delete(this.#shared.keys().next().value!);
      this.#shared.set(key, rights);
    }
    return rights;
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
