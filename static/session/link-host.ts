import type { Link, LinkEvents } from "./link.ts";

/** What the page asks of the worker that has its links. They are numbered by the page. */
export type Asked =
  | { readonly is: "open"; readonly link: number; readonly url: string; readonly token: string | undefined }
  | { readonly is: "subscribe"; readonly link: number; readonly values: Parameters<Link["subscribe"]> }
  | { readonly is: "unsubscribe"; readonly link: number; readonly values: Parameters<Link["unsubscribe"]> }
  | { readonly is: "send"; readonly link: number; readonly values: Parameters<Link["send"]> }
  | { readonly is: "close"; readonly link: number }
  /** The page has done with what it was told last. */
  | { readonly is: "taken" };

/** One event of a link. */
export type Told = {
  [Name in keyof LinkEvents]: {
    readonly link: number;
    readonly is: Name;
    readonly values: Parameters<LinkEvents[Name]>;
  };
}[keyof LinkEvents];

/** How a page and its worker speak to one another. */
export interface LinkPort {
  /** Is called with what the other one says. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** Says something to the other one. */
  postMessage(message: unknown): void;
}

/** How a link is opened, be it here or there. */
export type OpenLink = (url: string, token: string | undefined, events: LinkEvents) => Link;

/** Where much comes, the page is told no more often than this, in milliseconds: about once a frame. */
const pauseMs = 16;

/** As much as this within a tenth of a second is told at once: what one person says, and how far it has come, is told without delay. */
const atOnceMax = 10;
const paceMs = 100;

/** What waits for a page that is too slow, in bytes. Past it the link is given up: the page resumes where it was once it gets to it. */
export const waitingBytesMax = 32 * 1024 * 1024;

/** What a message takes besides its body, in bytes, roughly. */
const bytesBesideBody = 1024;

/**
 * Has the links of a page, in a worker. Each message of a WebSocket is a task of its own to the thread that gets it, and a thousand of
 * them a second kept the page from drawing: here they are gathered, and the page gets those of a frame at once.
 */
export function hostLinks(port: LinkPort, open: OpenLink): void {
  const host = new LinkHost((batch) => port.postMessage(batch), open);
  port.onmessage = ({ data }) => host.obey(data as Asked);
}

class LinkHost {
  readonly #tell: (batch: readonly Told[]) => void;
  readonly #open: OpenLink;
  readonly #links = new Map<number, Link>();
  #waiting: Told[] = [];
  #waitingBytes = 0;
  /** The page has not done with the last batch, or got it a moment ago. */
  #rests = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  /** Since when it is counted how much was told. */
  #countedFromMs = Number.NEGATIVE_INFINITY;
  #told = 0;

  constructor(tell: (batch: readonly Told[]) => void, open: OpenLink) {
    this.#tell = tell;
    this.#open = open;
  }

  obey(asked: Asked): void {
    switch (asked.is) {
      case "open":
        this.#links.set(asked.link, this.#open(asked.url, asked.token, this.#eventsOf(asked.link)));
        break;
      case "subscribe":
        this.#links.get(asked.link)?.subscribe(...asked.values);
        break;
      case "unsubscribe":
        this.#links.get(asked.link)?.unsubscribe(...asked.values);
        break;
      case "send":
        this.#links.get(asked.link)?.send(...asked.values);
        break;
      case "close":
        this.#end(asked.link);
        break;
      case "taken": {
        const restsMs = this.#toldAtMs + pauseMs - performance.now();
        if (this.#told > atOnceMax && restsMs > 0) setTimeout(() => this.#resume(), restsMs);
        else this.#resume();
      }
    }
  }

  #eventsOf(link: number): LinkEvents {
    return {
      connected: (...values) => this.#add({ link, is: "connected", values }),
      identified: (...values) => this.#add({ link, is: "identified", values }),
      message: (...values) => {
        this.#waitingBytes += values[0].body.length + bytesBesideBody;
        this.#add({ link, is: "message", values });
        if (this.#waitingBytes > waitingBytesMax) this.#giveUp(link);
      },
      receipt: (...values) => this.#add({ link, is: "receipt", values }),
      error: (...values) => this.#add({ link, is: "error", values }),
      closed: (...values) => this.#add({ link, is: "closed", values }),
    };
  }

  /** As if the connection were lost. */
  #giveUp(link: number): void {
    this.#end(link);
    this.#add({ link, is: "closed", values: [1006, ""] });
  }

  #end(link: number): void {
    this.#links.get(link)?.close();
    this.#links.delete(link);
  }

  #add(told: Told): void {
    this.#waiting.push(told);
    if (!this.#rests) this.#flush();
  }

  #resume(): void {
    this.#rests = false;
    if (this.#waiting.length > 0) this.#flush();
  }

  #flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#rests = true;
    this.#toldAtMs = performance.now();
    if (this.#toldAtMs - this.#countedFromMs > paceMs) {
      this.#countedFromMs = this.#toldAtMs;
      this.#told = 0;
    }
    this.#told += batch.length;
    this.#tell(batch);
  }
}
