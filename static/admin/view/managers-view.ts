import { elementOf, setText } from "../../view/element.ts";
import { nothingOf, told } from "../state/nothing.ts";
import { leftOut, type SeenManager } from "../state/seen.ts";
import type { Watch } from "../state/watch.ts";
import { inAge, inBytes, inShort } from "../state/words.ts";
import { Table } from "./table.ts";

/** Shows a row for each manager, and names those that do not answer. */
export class ManagersView {
  readonly #watch: Watch;
  readonly #missing = elementOf("managers-missing", HTMLElement);
  readonly #table: Table<SeenManager>;

  constructor(watch: Watch) {
    this.#watch = watch;
    const rate = (manager: string, index: number) => {
      const value = watch.ratesOf.get(manager)?.[index];
      return value === undefined ? "–" : inShort(value);
    };
    this.#table = new Table(
      elementOf("managers-table", HTMLElement),
      [
        { title: "Manager", cell: ({ manager }) => told(manager), className: "name" },
        {
          title: "State",
          cell: ({ ready, why }) => (ready ? "ready" : told(why, "not ready")),
        },
        { title: "Clients", cell: ({ clients }) => inShort(clients), className: "number" },
        { title: "From clients, per second", cell: ({ manager }) => rate(manager, 0), className: "number" },
        { title: "To clients, per second", cell: ({ manager }) => rate(manager, 1), className: "number" },
        {
          title: "Waiting for RabbitMQ",
          cell: ({ waitingBytes }) => inBytes(waitingBytes),
          className: "number",
        },
        { title: "Up for", cell: ({ uptimeSeconds }) => inAge(uptimeSeconds), className: "number" },
        { title: "Version", cell: ({ version }) => version, className: "number" },
      ],
      ({ manager }) => manager,
      "No managers.",
    );
  }

  draw(): void {
    const { managers, missing, unknown, whyNoManagers } = this.#watch;
    const late = missing.length === 0 ? "" : `No answer within two seconds from: ${missing.join(", ")}. `;
    setText(this.#missing, (late + leftOut(unknown, "managers")).trim());
    this.#table.draw(managers, whyNoManagers ?? nothingOf("managers", unknown));
  }
}
