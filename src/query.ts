/** The only parameter that may stand more than once: whoever checks tokens refuses a second one by itself. */
const token = "token";
/** The most parameters. Each is compared with all before it, and a stranger could send thousands. */
const parametersMax = 64;

/**
 * The parameters in the query of a URL, decoded. A program that gives one twice, or does not encode it well, would not get what it wants:
 * so both are faults.
 */
export class Query {
  /** Each name, followed by its value: a request should leave little garbage. */
  readonly #parts: string[] = [];
  #fault: string | undefined;

  /** @param url an absolute URL, or what follows its host */
  constructor(url: string) {
    const fragment = url.indexOf("#");
    const end = fragment < 0 ? url.length : fragment;
    let start = url.indexOf("?") + 1;
    while (start > 0 && start < end && this.#fault === undefined) {
      const next = url.indexOf("&", start);
      const stop = next < 0 || next > end ? end : next;
      if (stop > start) this.#add(url, start, stop);
      start = stop + 1;
    }
  }

  /** What is wrong with it, in words for the program that sent it; undefined if nothing is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The value of a parameter; undefined if it is not there. */
  get(name: string): string | undefined {
    for (let index = 0; index < this.#parts.length; index += 2)
      if (this.#parts[index] === name) return this.#parts[index + 1];
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** All values of a parameter. */
  all(name: string): readonly string[] {
    return this.#parts.filter((_, index) => index % 2 === 1 && this.#parts[index - 1] === name);
  }

  /** Adds what stands in the URL between these two places. */
  #add(url: string, start: number, end: number): void {
    const found = url.indexOf("=", start);
    const equals = found < 0 || found > end ? end : found;
    const name = decoded(url.slice(start, equals));
    const value = decoded(url.slice(equals + 1, Math.max(end, equals + 1)));
    if (this.#parts.length === 2 * parametersMax) {
      this.#fault = `the query has more than ${parametersMax} parameters`;
      return;
    }
    if (name === undefined || value === undefined) {
      this.#fault = "the query is not percent-encoded UTF-8: write a % as %25";
      return;
    }
    if (name !== token && this.has(name)) this.#fault = `${name} stands twice in the query: give it once`;
    this.#parts.push(name, value);
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
