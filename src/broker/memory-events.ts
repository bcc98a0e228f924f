import type { EventsLink, EventsPeer, Voice } from "./events.ts";
import type { OnLeft } from "./leavers.ts";

/** The events of clients within one process: there is one manager, nothing is ever lost, and nobody has to speak for anybody. */
export class MemoryEvents {
  readonly #peer: EventsPeer;
  readonly #told: (key: string, body: string) => boolean;
  readonly #left: OnLeft;
  #published = 0;
  #confirming: NodeJS.Immediate | undefined;

  /**
   * @param told hears of each event; returns whether somebody is to hear of it
   * @param left hears of clients that asked and have gone
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
      // There was no process before this one, as far as events go.
      read: () => Promise.resolve(),
      isConnected: (name) => Promise.resolve(name === manager),
      alone: async (_manager, job) => {
        await job(ownVoice);
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

const ownVoice: Voice = { exchange: "", nonce: "" };
