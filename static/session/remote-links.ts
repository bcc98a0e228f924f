import type { Link, LinkEvents } from "./link.ts";
import type { Asked, OpenLink, Told } from "./link-host.ts";

/** The part of a `Worker` that links need. */
export type LinkWorker = Pick<Worker, "onmessage" | "onerror" | "postMessage" | "terminate">;

/** A link, and what it was opened with. */
interface Opened {
  readonly url: string;
  readonly token: string | undefined;
  readonly events: LinkEvents;
  /** The link itself, if it is in the page, since there is no worker. */
  here: Link | undefined;
}

/** Links that a worker holds. If the worker cannot start, for example because a proxy blocks its script, the page holds them itself. */
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

  /** The worker has failed. If it never sent anything, it did not start, and its links were only asked to open: the page opens them. */
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
