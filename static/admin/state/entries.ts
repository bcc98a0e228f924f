/** What a field of an entry is. With a question mark, it may be absent. */
type Kind = "text" | "number" | "truth" | "texts" | "object";

/** The fields of entries that are needed. */
export type Fields<Entry> = Readonly<Record<keyof Entry & string, Kind | `${Kind}?`>>;

/** Entries of a list in an answer. */
export interface Entries<Entry> {
  /** Those that have what is needed of them. */
  readonly known: readonly Entry[];
  /** How many entries are not what this page knows: of a manager of another version, or of a program that answers for one. */
  readonly unknown: number;
}

/**
 * Reads a list of an answer. Entries without what is needed of them are counted and left out, so that the others can be shown. What is no
 * list is one such entry.
 */
export function entriesIn<Entry>(list: unknown, fields: Fields<Entry>): Entries<Entry> {
  if (!Array.isArray(list)) return { known: [], unknown: 1 };
  const known = list.filter((each): each is Entry => isEntry(each, fields));
  return { known, unknown: list.length - known.length };
}

/** The texts in a list of an answer. */
export function textsIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}

/** Whether a value has everything that is needed of it. */
export function isEntry<Entry>(value: unknown, fields: Fields<Entry>): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries<Kind | `${Kind}?`>(fields).every(([name, kind]) => {
    const field = (value as Record<string, unknown>)[name];
    if (kind.endsWith("?")) return field === undefined || isOf(kind.slice(0, -1) as Kind, field);
    return isOf(kind as Kind, field);
  });
}

function isOf(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case "text":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "truth":
      return typeof value === "boolean";
    case "texts":
      return Array.isArray(value) && value.every((each) => typeof each === "string");
    case "object":
      return typeof value === "object" && value !== null;
  }
}
