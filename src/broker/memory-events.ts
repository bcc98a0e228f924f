import type { Epoch, EventsLink, EventsPeer } from "./events.ts";
import type { OnLeft } from "./leavers.ts";

/** The events of clients within one process. There is one manager, nothing is ever lost, and no manager has to speak for another. */
export class MemoryEvents {
  readonly #peer: EventsPeer;
  readonly #told: (key: string, body: string) => boolean;
  readonly #left: OnLeft;
  #published = 0;
  #confirming: NodeJS.Immediate | undefined;

  /**
   * @param told called for each event; returns whether a handler gets it
   * @param left called for clients that asked requests and have disconnected
   */
  constructor(peer: EventsPeer, told: (key: string, body: string) => boolean, left: OnLeft) {
    this.#left = left;
    this.#peer = peer;
    this.#told = told;
  }

  open(): void {
    const later = (act: () => void) => void setImmediate(act);
    const { manager } = this.#peer;
    const link: EventsLink = {
      source: manager,
      publish: (key, body) => void this.#publish(key, body),
      probe: (key, body) => {
        if (!this.#publish(key, body)) this.#peer.unheard(key);
      },
      ask: (body, id) =>
        later(() =>
          this.#peer.asked(Buffer.from(body), (answer) => this.#peer.answered(id, Buffer.from(answer))),
        ),
      tell: (body) => later(() => this.#peer.told(Buffer.from(body))),
      tellLeft: (askers) => later(() => this.#left(askers)),
      tellOne: (name, body) => {
        if (name === manager) later(() => this.#peer.told(Buffer.from(body)));
      },
      fence: () => Promise.resolve(),
      isFenced: () => Promise.resolve(false),
      // The events of an earlier process are not kept.
      read: () => Promise.resolve(),
      isConnected: (name) => Promise.resolve(name === manager),
      alone: async (_manager, job) => {
        await job(ownEpoch);
        return true;
      },
      revoke: (body) => {
        this.#peer.revoked(Buffer.from(body));
        return Promise.resolve();
      },
      giveUp: () => undefined,
    };
    this.#peer.opened(link);
    this.#peer.readRevoked();
  }

  #publish(key: string, body: string): boolean {
    this.#published++;
    this.#confirming ??= setImmediate(() => {
      this.#confirming = undefined;
      this.#peer.confirmed(this.#published, true);
    });
    return this.#told(key, body);
  }

  close(): void {
    clearImmediate(this.#confirming);
    this.#peer.closed();
  }
}

const ownEpoch: Epoch = { exchange: "", nonce: "" };
