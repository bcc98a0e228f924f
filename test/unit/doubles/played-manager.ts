import { Announcer } from "../../../src/events/announcer.ts";
import type { Attendee } from "../../../src/events/attendance.ts";
import type { EventPublisherOptions } from "../../../src/events/event-publisher.ts";
import { defaultEventsTiming } from "../../../src/events/timing.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { EventLog, type FakeEventsLink } from "./event-log.ts";
import { turn } from "./turn.ts";

/** A client as a manager tells of it. */
export interface PlayedClient extends Attendee {
  readonly subscribed: string[];
}

/** A manager as tests of events play it: clients that come and go, and a link that is lost and opened. What is gathered goes when it is said. */
export class PlayedManager {
  readonly manager: string;
  readonly clients = new Set<PlayedClient>();
  readonly announcer: Announcer;
  readonly #log: EventLog;
  #number = 0;
  #count = 0;
  link: FakeEventsLink | undefined;
  refusals = 0;
  #flush: () => void = () => undefined;
  #isDue = false;

  /**
   * @param believedMs how long it is believed that a program listens
   * @param onGathered hears of each time that something is to be told, whether nobody waits for it, and for how long it is gathered
   * @param telling further options of the publisher; without them its clock stands still, so it never pauses
   */
  constructor(
    log: EventLog,
    manager: string,
    believedMs = Number.POSITIVE_INFINITY,
    doubtMs = Number.POSITIVE_INFINITY,
    onGathered: (isLazy: boolean, gatherMs: number) => void = () => undefined,
    telling: Partial<EventPublisherOptions> = {},
  ) {
    this.#log = log;
    this.manager = manager;
    const hooks = {
      onFault: () => undefined,
      onSettled: () => undefined,
      onRefused: () => void this.refusals++,
    };
    const later = (flush: () => void) => {
      this.#flush = flush;
      return {
        flush: (gatherMs: number, isLazy = false) => {
          onGathered(isLazy, gatherMs);
          this.#isDue = true;
        },
        close: () => {
          this.#isDue = false;
        },
      };
    };
    this.announcer = new Announcer(
      manager,
      this.clients,
      hooks,
      { loop: () => unhurried, ...telling, later, believedMs },
      { ...defaultEventsTiming, doubtMs },
    );
  }

  async open(): Promise<void> {
    if (this.link !== undefined) return;
    this.link = this.#log.connect(this.#peer, ++this.#number);
    await this.quiet();
  }

  get #peer() {
    return {
      manager: this.manager,
      opened: (link: FakeEventsLink) => {
        this.link = link;
        this.announcer.opened(link);
      },
      closed: () => {
        this.link = undefined;
        this.announcer.closed();
      },
      confirmed: (tag: number, multiple: boolean) => this.announcer.confirmed(tag, multiple),
      refused: (tag: number, multiple: boolean) => this.announcer.refused(tag, multiple),
      unheard: (key: string) => this.announcer.unheard(key),
      blocked: () => undefined,
      told: () => undefined,
    } as never;
  }

  come(): PlayedClient {
    const subscribed: string[] = [];
    const client = {
      id: `client-${this.manager}-${++this.#count}`,
      protocol: "text",
      subscribed,
      topics: () => subscribed,
      seat: { address: undefined, connection: 0 },
    };
    this.clients.add(client);
    this.announcer.connected(client);
    return client;
  }

  subscribe(client: PlayedClient, topic: string): void {
    client.subscribed.push(topic);
    this.announcer.subscribed(client, topic);
  }

  unsubscribe(client: PlayedClient, topic: string): void {
    client.subscribed.splice(client.subscribed.indexOf(topic), 1);
    this.announcer.unsubscribed(client, topic);
  }

  /** @param client the one that came first, if none is given */
  go([client] = [...this.clients]): void {
    if (client === undefined) return;
    this.clients.delete(client);
    this.announcer.disconnected(client, "1000");
  }

  /** What was gathered goes. */
  flush(): void {
    if (this.#isDue) this.#flush();
    this.#isDue = false;
  }

  /** What is under way arrives, until nothing more follows. */
  async quiet(turns = 40): Promise<void> {
    for (let left = turns; left > 0; left--) {
      await turn();
      this.flush();
      this.link?.arrive();
    }
  }
}

const unhurried = new LoopTime(() => 0);

/** Long enough for anything that is played. */
export const always = Number.POSITIVE_INFINITY;

/** A manager with its link open, and the log that it is connected to. */
export async function started({ believedMs = always, doubtMs = always } = {}) {
  const log = new EventLog();
  const manager = new PlayedManager(log, "m", believedMs, doubtMs);
  await manager.open();
  return { log, manager };
}
