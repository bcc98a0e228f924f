/** The element of index.html that a part of the page lives in. */
export function elementOf<E extends HTMLElement>(id: string, type: abstract new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return element;
}

/** A new element around text. Whatever came over the wire passes through here, and never becomes HTML. */
export function textElement(tag: "span" | "p", className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** Writes only what changed, so that screen readers and the layout are left in peace. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** `1 message`, `2,000 more messages`. */
export function messageCount(count: number, more: "" | "more " = ""): string {
  return `${count.toLocaleString("en")} ${more}${count === 1 ? "message" : "messages"}`;
}
