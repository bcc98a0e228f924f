/** The only parameter that may stand more than once: whoever checks tokens refuses a second one by itself. */
const token = "token";

/**
 * The parameters in the query of a URL, decoded. A program that gives one twice, or does not encode it well, would not get what it wants:
 * so both are faults.
 */
export class Query {
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  #fault: string | undefined;

  /** @param url an absolute URL, or what follows its host */
  constructor(url: string) {
    const fragment = url.indexOf("#");
    const end = fragment < 0 ? url.length : fragment;
    const start = url.indexOf("?") + 1;
    if (start === 0) return;
    for (const part of url.slice(start, Math.max(start, end)).split("&")) if (part !== "") this.#add(part);
  }

  /** What is wrong with it, in words for the program that sent it; undefined if nothing is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The value of a parameter; undefined if it is not there. */
  get(name: string): string | undefined {
    return this.#values[this.#names.indexOf(name)];
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** All values of a parameter. */
  all(name: string): readonly string[] {
    return this.#values.filter((_, index) => this.#names[index] === name);
  }

  #add(part: string): void {
    const equals = part.indexOf("=");
    const name = decoded(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? "" : decoded(part.slice(equals + 1));
    if (name === undefined || value === undefined) {
      this.#fault ??= "the query is not percent-encoded UTF-8: write a % as %25";
      return;
    }
    if (name !== token && this.has(name)) this.#fault ??= `${name} stands twice in the query: give it once`;
    this.#names.push(name);
    this.#values.push(value);
  }
}

/** Undefined if the text is not percent-encoded UTF-8. */
function decoded(text: string): string | undefined {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined;
  }
}
