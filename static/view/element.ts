/** An element of index.html by its id. */
export function elementOf<E extends HTMLElement>(id: string, type: abstract new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return element;
}

/** A new element with text. Everything that came over the network is shown by this, so that it never becomes HTML. */
export function textElement(tag: "span" | "p", className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** Sets the text if it has changed. Setting the same text would make screen readers repeat it, and cost a layout. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** `1 message`, `2,000 more messages`. */
export function messageCount(count: number, more: "" | "more " = ""): string {
  return `${count.toLocaleString("en")} ${more}${count === 1 ? "message" : "messages"}`;
}
