import type { LinkMessage } from "./link.ts";

/** How much of a subscription was there before: none, a moment without a message, or all up to a message. */
type Progress =
  | { readonly is: "new" }
  | { readonly is: "quiet"; readonly sinceMs: number }
  | { readonly is: "seen"; readonly position: string };

/** What the page has subscribed to, and how far it got there, so that it goes on behind the last message seen. */
export class Subscription {
  readonly destination: string;
  #progress: Progress = { is: "new" };
  /** As the link knows it. */
  id = "";

  constructor(destination: string) {
    this.destination = destination;
  }

  /** The headers of a durable SUBSCRIBE that goes on where this one was. */
  headers(): Readonly<Record<string, string>> {
    const progress = this.#progress;
    switch (progress.is) {
      case "new":
        return { "x-stream-offset": "next" };
      case "quiet":
        return { "x-stream-offset": `timestamp=${Math.floor(progress.sinceMs / 1_000)}` };
      case "seen":
        return { "x-stream-after": progress.position };
    }
  }

  /** It is in force, and durable. */
  began(nowMs: number): void {
    if (this.#progress.is === "new") this.#progress = { is: "quiet", sinceMs: nowMs };
  }

  /** A message came for it. */
  passed({ headers }: LinkMessage): void {
    const position = headers["x-stream-offset"];
    if (position !== undefined) this.#progress = { is: "seen", position };
  }

  /** Live, nothing is remembered: what comes while the page is away is missed. */
  forget(): void {
    this.#progress = { is: "new" };
  }
}
