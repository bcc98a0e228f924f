import { elementOf, setText } from "../../view/element.ts";
import type { Api } from "../state/api.ts";
import { nothingOf, told, whyNot } from "../state/nothing.ts";
import { clientsIn, leftOut, type SeenClient } from "../state/seen.ts";
import { sureButton } from "./sure-button.ts";
import { Table } from "./table.ts";

/** How many clients one page of the list has. */
const pageSize = 25;
/** The search begins after this pause in typing, in milliseconds. */
const pauseMs = 250;
/** How many of a client's topics are shown. */
const topicsMax = 5;

/** Finds clients of all managers, and disconnects them. */
export class ClientsView {
  readonly #api: Api;
  readonly #search = elementOf("search", HTMLInputElement);
  readonly #problem = elementOf("clients-problem", HTMLElement);
  readonly #more = elementOf("clients-more", HTMLButtonElement);
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #table: Table<SeenClient>;
  #shown = pageSize;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(api: Api) {
    this.#api = api;
    this.#table = new Table(
      elementOf("clients-table", HTMLElement),
      [
        { title: "Client", cell: ({ client }) => told(client), className: "name" },
        { title: "Protocol", cell: ({ protocol }) => told(protocol) },
        { title: "Address", cell: ({ address }) => told(address, "") },
        { title: "Topics", cell: ({ topics }) => inShortOf(topics), className: "name" },
        { title: "Manager", cell: ({ manager }) => told(manager), className: "name" },
        { title: "", cell: (seen) => this.#buttonFor(seen) },
      ],
      keyOf,
      "No clients.",
    );
    elementOf("search-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.look();
    });
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#shown = pageSize;
      this.#timer = setTimeout(() => void this.look(), pauseMs);
    });
    this.#more.addEventListener("click", () => {
      this.#shown += pageSize;
      void this.look();
    });
  }

  async look(): Promise<void> {
    const asked = ++this.#asked;
    const query = new URLSearchParams({
      limit: String(Math.min(1000, this.#shown)),
      search: this.#search.value,
    });
    const answered = await this.#api.ask(`/api/clients?${query}`);
    // This answer is outdated: another search has begun.
    if (asked !== this.#asked) return;
    if (answered.is !== "ok") {
      setText(this.#problem, answered.is === "refused" ? `Clients: ${answered.why}` : "");
      this.#table.draw([], answered.is === "refused" ? "" : whyNot(answered, "clients"));
      this.#more.hidden = true;
      return;
    }
    const { known: clients, unknown } = clientsIn(answered.body["clients"]);
    setText(this.#problem, leftOut(unknown, "clients"));
    const keys = new Set(clients.map(keyOf));
    for (const known of this.#buttons.keys()) if (!keys.has(known)) this.#buttons.delete(known);
    this.#table.draw(clients, nothingOf("clients", unknown));
    this.#more.hidden = answered.body["next"] === undefined || this.#shown >= 1000;
  }

  /** Each row has a button of its own, even if several rows are connections of the same client. */
  #buttonFor(seen: SeenClient): HTMLButtonElement {
    const { client } = seen;
    const key = keyOf(seen);
    let button = this.#buttons.get(key);
    if (button === undefined) {
      button = sureButton("Disconnect", "Disconnect: sure?", () => void this.#disconnect(client));
      button.setAttribute("aria-description", client);
      this.#buttons.set(key, button);
    }
    return button;
  }

  async #disconnect(client: string): Promise<void> {
    const answered = await this.#api.ask(`/api/clients/${encodeURIComponent(client)}`, "DELETE");
    await this.look();
    if (answered.is === "refused") setText(this.#problem, answered.why);
  }
}

function keyOf({ client, manager, connection = "" }: SeenClient): string {
  return `${client} ${manager} ${connection}`;
}

function inShortOf(topics: readonly string[]): string {
  const shown = topics.slice(0, topicsMax).map((topic) => (topic === "" ? "broadcast" : topic));
  const more = topics.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
