import { covers } from "../../src/topics/covering.ts";

/** What a token allows its bearer, as patterns of topics. */
export interface Rights {
  /** Patterns that it may subscribe to. */
  readonly subscribe: readonly string[];
  /** Patterns that it may publish to. */
  readonly publish: readonly string[];
}

/**
 * The rights in a token's claim `warren`. The page does not verify the token, since the manager does. Undefined if the page finds none,
 * for example because the manager reads another claim.
 */
export function rightsIn(token: string): Rights | undefined {
  const [, payload] = token.split(".");
  if (payload === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (each) =>
      each.charCodeAt(0),
    );
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as { readonly warren?: unknown };
    const said = (typeof claims.warren === "string" ? JSON.parse(claims.warren) : claims.warren) as
      | { readonly subscribe?: unknown; readonly publish?: unknown }
      | undefined;
    const rights = { subscribe: textsIn(said?.subscribe), publish: textsIn(said?.publish) };
    return rights.subscribe.length + rights.publish.length === 0 ? undefined : rights;
  } catch {
    return undefined; // not a JSON Web Token that the page can read
  }
}

/** Whether the page may join a topic, that is, subscribe to it. */
export function mayHear({ subscribe }: Rights, pattern: string): boolean {
  return subscribe.some((allowed) => covers(allowed, pattern));
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
