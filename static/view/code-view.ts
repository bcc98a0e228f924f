import type { Session } from "../session/session.ts";
import { type Snippet, snippetsFor } from "../session/snippets.ts";
import { elementOf, setText } from "./element.ts";

/** Code for the page's topic, to copy. */
export class CodeView {
  readonly #session: Session;
  readonly #hasToken: () => boolean;
  readonly #toggle = elementOf("code-toggle", HTMLButtonElement);
  readonly #box = elementOf("code", HTMLElement);
  readonly #tabs = elementOf("code-tabs", HTMLElement);
  readonly #text = elementOf("code-text", HTMLElement);
  readonly #copied = elementOf("code-copied", HTMLElement);
  #chosen: Snippet["name"] = "JavaScript";

  /** @param hasToken whether the page connected with a token */
  constructor(session: Session, hasToken: () => boolean) {
    this.#session = session;
    this.#hasToken = hasToken;
    this.#toggle.addEventListener("click", () => {
      this.#box.hidden = !this.#box.hidden;
      this.#toggle.ariaExpanded = String(!this.#box.hidden);
      this.topicChanged();
    });
    elementOf("code-copy", HTMLButtonElement).addEventListener("click", () => void this.#copy());
  }

  topicChanged(): void {
    if (this.#box.hidden) return;
    setText(this.#copied, "");
    const snippets = snippetsFor(this.#session.page, this.#session.topic, this.#hasToken());
    this.#tabs.replaceChildren(...snippets.map((snippet) => this.#tabFor(snippet)));
    setText(this.#text, snippets.find(({ name }) => name === this.#chosen)!.code);
  }

  #tabFor({ name }: Snippet): HTMLButtonElement {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.className = "plain";
    tab.textContent = name;
    tab.ariaPressed = String(name === this.#chosen);
    tab.addEventListener("click", () => {
      this.#chosen = name;
      this.topicChanged();
      [...this.#tabs.querySelectorAll("button")].find(({ textContent }) => textContent === name)?.focus();
    });
    return tab;
  }

  /** Copies the text. Browsers give no clipboard to a page without TLS: then it selects the text, for the person to copy. */
  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#text.textContent);
      setText(this.#copied, "Copied.");
    } catch {
      getSelection()?.selectAllChildren(this.#text);
      setText(this.#copied, "Selected: copy it with your keyboard.");
    }
  }
}
