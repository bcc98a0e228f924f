import type { LinkMessage } from "./link.ts";

/** How far a subscription has come: nowhere, to the beginning of an empty log, or to a position. */
type Progress =
  | { readonly is: "new" }
  | { readonly is: "at the beginning" }
  | { readonly is: "behind"; readonly position: string };

/** A subscription of the page, and its position, so that it continues after the last message on another connection. */
export class Subscription {
  readonly destination: string;
  /** Where in the log it begins, as a value of `x-stream-offset`. */
  readonly #offset: string;
  #progress: Progress = { is: "new" };
  /** The link's id for it. */
  id = "";

  constructor(destination: string, offset = "next") {
    this.destination = destination;
    this.#offset = offset;
  }

  /** The headers of a durable SUBSCRIBE that continues after this position. */
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

  /** Forgets the position, for a live subscription. It misses the messages that come while the page is away. */
  forget(): void {
    this.#progress = { is: "new" };
  }
}
