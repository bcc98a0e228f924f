import type { Link, LinkEvents } from "./link.ts";

/** The page's requests to the worker that holds its links. The page numbers the links. */
export type Asked =
  | { readonly is: "open"; readonly link: number; readonly url: string; readonly token: string | undefined }
  | { readonly is: "subscribe"; readonly link: number; readonly values: Parameters<Link["subscribe"]> }
  | { readonly is: "unsubscribe"; readonly link: number; readonly values: Parameters<Link["unsubscribe"]> }
  | { readonly is: "send"; readonly link: number; readonly values: Parameters<Link["send"]> }
  | { readonly is: "close"; readonly link: number }
  /** The page has handled the last batch. */
  | { readonly is: "taken" };

/** One event of a link. */
export type Told = {
  [Name in keyof LinkEvents]: {
    readonly link: number;
    readonly is: Name;
    readonly values: Parameters<LinkEvents[Name]>;
  };
}[keyof LinkEvents];

/** One end of the channel between a page and its worker. */
export interface LinkPort {
  /** Called with each message of the other end. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** Sends a message to the other end. */
  postMessage(message: unknown): void;
}

/** Opens a link, in the page or in the worker. */
export type OpenLink = (url: string, token: string | undefined, events: LinkEvents) => Link;

/** In a flood of messages the page gets a batch no more often than this, in milliseconds: about once a frame. */
const pauseMs = 16;

/** This many events within a tenth of a second are passed on at once, so that a person's own messages are shown without delay. */
const atOnceMax = 10;
const paceMs = 100;

/** How many bytes may wait for a slow page. Beyond that the link is closed, and the page later resumes after its last message. */
export const waitingBytesMax = 32 * 1024 * 1024;

/** About how many bytes a message takes besides its body. */
const bytesBesideBody = 1024;

/**
 * Holds the links of a page, in a worker. A browser runs a task for each WebSocket message, and a thousand tasks a second kept the page
 * from drawing. The worker gathers the messages, and the page gets those of one frame in one task.
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
  /** Whether the page is still handling the last batch, or got it a moment ago. */
  #rests = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  /** When the current count of events began. */
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

  /** Ends the link as if the connection were lost. */
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
