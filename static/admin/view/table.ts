import { textElement } from "../../view/element.ts";

/** One column. */
export interface Column<Row> {
  /** The head of the column. */
  readonly title: string;
  /** The content of a cell: text or elements. */
  readonly cell: (row: Row) => string | Node;
  /** The class of its cells. */
  readonly className?: "number" | "name";
}

/**
 * A table that is redrawn with each reading. Rows that have not changed keep their elements, so that a button in them keeps the keyboard's
 * focus.
 */
export class Table<Row> {
  readonly #place: HTMLElement;
  readonly #columns: readonly Column<Row>[];
  readonly #keyOf: (row: Row) => string;
  readonly #nothing: string;
  readonly #body = document.createElement("tbody");
  readonly #rows = new Map<string, HTMLTableRowElement>();

  constructor(
    place: HTMLElement,
    columns: readonly Column<Row>[],
    keyOf: (row: Row) => string,
    nothing: string,
  ) {
    this.#place = place;
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#nothing = nothing;
  }

  /** @param nothing shown instead if there are no rows */
  draw(rows: readonly Row[], nothing = this.#nothing): void {
    if (rows.length === 0) {
      this.#rows.clear();
      this.#place.replaceChildren(textElement("p", "nothing", nothing));
      return;
    }
    if (!this.#place.contains(this.#body)) this.#place.replaceChildren(this.#made());
    const known = new Map(this.#rows);
    this.#rows.clear();
    rows.forEach((row, index) => {
      const key = this.#keyOf(row);
      const line = known.get(key) ?? document.createElement("tr");
      known.delete(key);
      this.#rows.set(key, line);
      this.#fill(line, row);
      const there = this.#body.children[index];
      if (there !== line) this.#body.insertBefore(line, there ?? null);
    });
    for (const line of known.values()) line.remove();
  }

  #made(): HTMLTableElement {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const { title, className = "" } of this.#columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = className === "number" ? className : "";
      cell.textContent = title;
      head.append(cell);
    }
    this.#body.replaceChildren();
    table.append(this.#body);
    return table;
  }

  #fill(line: HTMLTableRowElement, row: Row): void {
    this.#columns.forEach(({ title, cell, className = "" }, index) => {
      const box = line.cells[index] ?? line.insertCell();
      box.className = className;
      box.dataset["label"] = title;
      const content = cell(row);
      if (typeof content === "string") {
        if (box.textContent !== content) box.textContent = content;
      } else if (box.firstChild !== content) box.replaceChildren(content);
    });
  }
}
