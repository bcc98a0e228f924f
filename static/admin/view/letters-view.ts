import { elementOf, setText, textElement } from "../../view/element.ts";
import { pretty } from "../../view/pretty.ts";
import type { Api } from "../state/api.ts";
import { nothingOf, numberIn, told, whyNot } from "../state/nothing.ts";
import { leftOut, lettersIn, type SeenLetter } from "../state/seen.ts";
import { inAge } from "../state/words.ts";
import { sureButton } from "./sure-button.ts";

/** How many dead letters one list has. */
const listMax = 100;

/** Lists dead letters, shows them, and replays them into their groups' queues. */
export class LettersView {
  readonly #api: Api;
  readonly #group = elementOf("letters-group", HTMLInputElement);
  readonly #note = elementOf("letters-note", HTMLElement);
  readonly #problem = elementOf("letters-problem", HTMLElement);
  readonly #list = elementOf("letters-list", HTMLElement);
  readonly #all: HTMLButtonElement;
  #listed: readonly SeenLetter[] = [];

  constructor(api: Api) {
    this.#api = api;
    this.#all = sureButton("Replay these", "Replay these: sure?", () => void this.#replay(this.#listed));
    this.#all.id = "letters-replay";
    this.#all.hidden = true;
    elementOf("letters-replay", HTMLButtonElement).replaceWith(this.#all);
    elementOf("letters-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.look();
    });
  }

  async look(): Promise<void> {
    setText(this.#note, "Searching…");
    const group = this.#group.value.trim();
    const query = new URLSearchParams({ limit: String(listMax), ...(group === "" ? {} : { group }) });
    const answered = await this.#api.ask(`/api/dead-letters?${query}`);
    setText(this.#problem, "");
    if (answered.is !== "ok") {
      setText(this.#note, "");
      setText(this.#problem, whyNot(answered, "dead letters"));
      this.#show([]);
      return;
    }
    const { known: letters, unknown } = lettersIn(answered.body["letters"]);
    setText(this.#problem, leftOut(unknown, "dead letters"));
    const total = numberIn(answered.body["total"]) ?? "an unknown number";
    const of = group === "" ? `${total}` : `those of group ${group} among ${total}`;
    const nothing = nothingOf("dead letters", unknown);
    setText(this.#note, letters.length === 0 ? nothing : `${letters.length} of ${of}, the oldest first.`);
    this.#show(letters);
  }

  #show(letters: readonly SeenLetter[]): void {
    this.#listed = letters.filter(({ id, group }) => id !== undefined && group !== undefined);
    this.#all.hidden = this.#listed.length === 0;
    this.#list.replaceChildren(...letters.map((letter) => this.#itemOf(letter)));
  }

  #itemOf(letter: SeenLetter): HTMLLIElement {
    const { id, group, reason, attempts, at, topic, client, contentType, headers, body } = letter;
    const item = document.createElement("li");
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    const age = at === undefined ? "some time" : inAge((Date.now() - Date.parse(at)) / 1000);
    summary.append(
      textElement("span", "quiet", `${age} ago`),
      textElement("span", "group", told(group, "unknown")),
      textElement("span", "topic name", topic === "" ? "broadcast" : topic),
      textElement("span", "reason", told(reason)),
    );
    const inside = document.createElement("div");
    inside.className = "letter";
    const facts = [
      `id ${told(id)}`,
      `client ${told(client)}`,
      `type ${told(contentType)}`,
      attempts === undefined ? "attempts unknown" : `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${shown(value)}`),
    ];
    const text = document.createElement("pre");
    text.tabIndex = 0;
    text.textContent = shownBody(body);
    inside.append(textElement("p", "quiet", facts.join(" · ")), text);
    if (id !== undefined && letter.group !== undefined)
      inside.append(sureButton("Replay", "Replay: sure?", () => void this.#replay([letter])));
    details.append(summary, inside);
    item.append(details);
    return item;
  }

  async #replay(letters: readonly SeenLetter[]): Promise<void> {
    const ids = letters.flatMap(({ id }) => id ?? []);
    const group = letters.length === 1 ? letters[0]!.group : undefined;
    const answered = await this.#api.ask("/api/dead-letters/replay", "POST", {
      ids,
      ...(group === undefined ? {} : { group }),
    });
    await this.look();
    if (answered.is !== "ok") {
      setText(this.#problem, whyNot(answered, "dead letters"));
      return;
    }
    const [replayed, stayed = 0] = [numberIn(answered.body["replayed"]), numberIn(answered.body["stayed"])];
    setText(
      this.#note,
      `${replayed ?? "An unknown number"} replayed${stayed > 0 ? `, ${stayed} stay, since their groups have no queues` : ""}. ${this.#note.textContent}`,
    );
  }
}

function shownBody({ text, base64 }: SeenLetter["body"]): string {
  if (text === undefined && base64 !== undefined) return `${told(base64)}\n(base64)`;
  return text === undefined || text === "" ? told(text, "(no body that this page knows)") : pretty(text);
}

function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
