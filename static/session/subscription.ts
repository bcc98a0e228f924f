import type { LinkMessage } from "./link.ts";

/** How far a subscription got: nowhere, to the beginning of an empty log, or to a place in it. */
type Progress =
  | { readonly is: "new" }
  | { readonly is: "at the beginning" }
  | { readonly is: "behind"; readonly position: string };

/** What the page has subscribed to, and how far it got there, so that it goes on after the last message seen. */
export class Subscription {
  readonly destination: string;
  /** Where in the log it begins, as `x-stream-offset` says it. */
  readonly #offset: string;
  #progress: Progress = { is: "new" };
  /** The link's id for it. */
  id = "";

  constructor(destination: string, offset = "next") {
    this.destination = destination;
    this.#offset = offset;
  }

  /** The headers of a durable SUBSCRIBE that goes on where this one was. */
  headers(): Readonly<Record<string, string>> {
    const progress = this.#progress;
    switch (progress.is) {
      case "new":
        return { "x-stream-offset": this.#offset };
      case "at the beginning":
        return { "x-stream-offset": "first" };
      case "behind":
        return { "x-stream-after": progress.position };
    }
  }

  /** It is subscribed, and durable: after this position, or, if there is none, at the beginning of an empty log. */
  began(position: string | undefined): void {
    if (this.#progress.is !== "new") return;
    this.#progress = position === undefined ? { is: "at the beginning" } : { is: "behind", position };
  }

  /** A message came for it. */
  passed({ headers }: LinkMessage): void {
    const position = headers["x-stream-offset"];
    if (position !== undefined) this.#progress = { is: "behind", position };
  }

  /** Live, nothing is remembered: what comes while the page is away is missed. */
  forget(): void {
    this.#progress = { is: "new" };
  }
}
