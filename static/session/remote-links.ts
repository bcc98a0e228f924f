import type { Link, LinkEvents } from "./link.ts";
import type { Asked, OpenLink, Told } from "./link-host.ts";

/** A worker, as far as links need it. */
export type LinkWorker = Pick<Worker, "onmessage" | "onerror" | "postMessage" | "terminate">;

/** A link, and how it was opened. */
interface Opened {
  readonly url: string;
  readonly token: string | undefined;
  readonly events: LinkEvents;
  /** It is in the page itself, since there is no worker. */
  here: Link | undefined;
}

/** Links in a worker; in the page itself where a worker does not come about, as where something in between keeps its script from it. */
export class RemoteLinks {
  readonly #openHere: OpenLink;
  readonly #links = new Map<number, Opened>();
  #worker: LinkWorker | undefined;
  #hasSpoken = false;
  #count = 0;

  constructor(startWorker: () => LinkWorker, openHere: OpenLink) {
    this.#openHere = openHere;
    this.#worker = startWorker();
    this.#worker.onmessage = ({ data }) => this.#take(data as readonly Told[]);
    this.#worker.onerror = (event) => this.#failed(event);
  }

  open(url: string, token: string | undefined, events: LinkEvents): Link {
    const link = ++this.#count;
    const opened: Opened = { url, token, events, here: undefined };
    this.#links.set(link, opened);
    if (this.#worker === undefined) opened.here = this.#openHere(url, token, events);
    else this.#ask({ is: "open", link, url, token });
    const there: Link = {
      subscribe: (...values) => this.#ask({ is: "subscribe", link, values }),
      unsubscribe: (...values) => this.#ask({ is: "unsubscribe", link, values }),
      send: (...values) => this.#ask({ is: "send", link, values }),
      close: () => this.#ask({ is: "close", link }),
    };
    const present = () => opened.here ?? there;
    return {
      subscribe: (...values) => present().subscribe(...values),
      unsubscribe: (...values) => present().unsubscribe(...values),
      send: (...values) => present().send(...values),
      close: () => {
        this.#links.delete(link);
        present().close();
      },
    };
  }

  #ask(asked: Asked): void {
    this.#worker?.postMessage(asked);
  }

  #take(batch: readonly Told[]): void {
    this.#hasSpoken = true;
    for (const told of batch) {
      // What still comes of a link that was let go of concerns nobody.
      const events = this.#links.get(told.link)?.events;
      if (events === undefined) continue;
      try {
        tell(events, told);
      } catch (error) {
        reportError(error);
      }
    }
    this.#ask({ is: "taken" });
  }

  /** Before it has said anything, it did not come about: nothing was asked of its links yet but that they are opened. */
  #failed({ message }: Pick<ErrorEvent, "message">): void {
    if (this.#hasSpoken || this.#worker === undefined) {
      reportError(new Error(`in the worker: ${message}`));
      return;
    }
    this.#worker.onmessage = null;
    this.#worker.terminate();
    this.#worker = undefined;
    for (const opened of this.#links.values())
      opened.here = this.#openHere(opened.url, opened.token, opened.events);
  }
}

function tell(events: LinkEvents, told: Told): void {
  switch (told.is) {
    case "connected":
      events.connected(...told.values);
      break;
    case "identified":
      events.identified(...told.values);
      break;
    case "message":
      events.message(...told.values);
      break;
    case "receipt":
      events.receipt(...told.values);
      break;
    case "error":
      events.error(...told.values);
      break;
    case "closed":
      events.closed(...told.values);
  }
}
