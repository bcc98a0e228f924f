import { isPattern } from "../../src/topics/pattern.ts";
import { type Rights, rightsIn } from "../session/rights.ts";
import { elementOf, textElement } from "./element.ts";

/** Patterns that are shown of a token that has many. */
const shownMax = 8;

/** What the token allows, with the topics that can be joined as a choice. */
export class RightsView {
  readonly #place = elementOf("rights", HTMLElement);
  readonly #go: (topic: string) => void;

  /** @param go leads to another topic */
  constructor(go: (topic: string) => void) {
    this.#go = go;
  }

  show(token: string | undefined): void {
    const rights = token === undefined ? undefined : rightsIn(token);
    this.#place.hidden = rights === undefined;
    if (rights !== undefined) this.#place.replaceChildren(...this.#words(rights));
  }

  *#words({ subscribe, publish }: Rights): Generator<Node> {
    yield textElement("span", "", "Your token lets you hear ");
    yield* this.#list(subscribe);
    yield textElement("span", "", ", and send to ");
    yield* this.#list(publish);
    yield textElement("span", "", ".");
  }

  *#list(patterns: readonly string[]): Generator<Node> {
    if (patterns.length === 0) yield textElement("span", "", "nothing");
    for (const [index, pattern] of patterns.slice(0, shownMax).entries()) {
      if (index > 0) yield document.createTextNode(", ");
      yield this.#choice(pattern);
    }
    if (patterns.length > shownMax) yield textElement("span", "", ` and ${patterns.length - shownMax} more`);
  }

  #choice(pattern: string): HTMLElement {
    // "{client}" stands for the own id, which the manager puts there.
    if (pattern.includes("{")) return textElement("span", "pattern", pattern);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = pattern === "#" ? "everything" : pattern;
    button.title = isPattern(pattern) ? "Listen to all of these" : "Join this topic";
    button.addEventListener("click", () => this.#go(pattern));
    return button;
  }
}
