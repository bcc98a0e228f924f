import { isPattern } from "../../src/topics/pattern.ts";
import { mayHear, type Rights, rightsIn } from "../session/rights.ts";
import { elementOf, textElement } from "./element.ts";

/** How many of a token's patterns are shown. */
const shownMax = 8;

/** Shows what the token allows, and offers the topics that can be joined. */
export class RightsView {
  readonly #place = elementOf("rights", HTMLElement);
  readonly #go: (topic: string) => void;

  /** @param go joins another topic */
  constructor(go: (topic: string) => void) {
    this.#go = go;
  }

  show(token: string | undefined): void {
    const rights = token === undefined ? undefined : rightsIn(token);
    this.#place.hidden = rights === undefined;
    if (rights !== undefined) this.#place.replaceChildren(...this.#words(rights));
  }

  *#words(rights: Rights): Generator<Node> {
    yield textElement("span", "", "Your token lets you hear ");
    yield* this.#list(rights.subscribe, rights);
    yield textElement("span", "", ", and send to ");
    yield* this.#list(rights.publish, rights);
    yield textElement("span", "", ".");
  }

  *#list(patterns: readonly string[], rights: Rights): Generator<Node> {
    if (patterns.length === 0) yield textElement("span", "", "nothing");
    for (const [index, pattern] of patterns.slice(0, shownMax).entries()) {
      if (index > 0) yield document.createTextNode(", ");
      yield mayHear(rights, pattern)
        ? this.#choice(pattern)
        : textElement("span", "pattern", inWords(pattern));
    }
    if (patterns.length > shownMax) yield textElement("span", "", ` and ${patterns.length - shownMax} more`);
  }

  #choice(pattern: string): HTMLElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = inWords(pattern);
    button.title = isPattern(pattern) ? "Listen to all of these" : "Join this topic";
    button.addEventListener("click", () => this.#go(pattern));
    return button;
  }
}

function inWords(pattern: string): string {
  if (pattern === "#") return "everything";
  return pattern === "" ? "broadcast" : pattern;
}
