import { isPattern } from "../../src/topics/pattern.ts";
import { closeCodes } from "../../src/wire/close-codes.ts";
import { destinationOf } from "../../src/wire/stomp/destinations.ts";
import { type Beginning, beginningInWords, offsetOf } from "./beginning.ts";
import { bodyOf } from "./body.ts";
import { type Closing, closingInWords } from "./closing.ts";
import { Connection, type ConnectionState, type Refusal, type Surroundings } from "./connection.ts";
import { Conversation } from "./conversation.ts";
import type { Draft } from "./draft.ts";
import { ownHeader } from "./entry.ts";
import { Following } from "./following.ts";
import type { LinkMessage } from "./link.ts";
import { joinedInWords, pageOnTopic, socketUrl, topicOfPage, topicProblem } from "./topic.ts";
import { Unsent } from "./unsent.ts";

/** The options of a session. */
export interface SessionOptions {
  /** The address that the page was opened with, topic included. */
  readonly page: string;
  /** The client id to ask for; undefined if the manager takes it from a token. */
  readonly clientId: string | undefined;
  /** A new id for each load of the page. */
  readonly pageId: string;
  readonly surroundings: Surroundings;
  /** Called when something that is shown has changed. */
  readonly changed: () => void;
}

/** What became of a message. `full`: too many wait to be sent. `pattern`: the page is on a pattern, and no topic was given. */
export type Written = "taken" | "full" | "pattern";

/** A page's session with managers: its topic, its connection, and the messages that it sends and gets. */
export class Session {
  readonly #options: SessionOptions;
  readonly #surroundings: Surroundings;
  readonly conversation = new Conversation();
  readonly unsent = new Unsent();
  /** A topic, or a pattern of topics. */
  topic: string;
  /** The client id; empty until the manager has told it. */
  clientId: string;
  #sentCount = 0;
  #hasBeenConnected: boolean = false;
  #lostAtMs: number | undefined;
  /** The network was lost while a connection was open. The connection may be dead, although nothing shows it. */
  #isDoubtful: boolean = false;
  readonly #following: Following;
  readonly #connection: Connection;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#surroundings = options.surroundings;
    const topic = topicOfPage(options.page);
    this.topic = topicProblem(topic) === undefined ? topic : "";
    this.clientId = options.clientId ?? "";
    this.#following = new Following(this.topic);
    this.#connection = new Connection(socketUrl(options.page, options.clientId), options.surroundings, {
      changed: () => options.changed(),
      opened: (link, clientId) => {
        this.clientId = clientId ?? this.clientId;
        if (this.#hasBeenConnected) this.conversation.expectMissed();
        this.#following.start(link);
      },
      identified: (clientId) => {
        this.clientId = clientId;
        options.changed();
      },
      message: (message) => this.#receive(message),
      receipt: (id, after) => this.#receipt(id, after),
      refused: (refusal) => this.#refused(refusal),
      closed: (closing, wasConnected) => this.#closed(closing, wasConnected),
    });
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Whether it uses HTTP, since a proxy blocks WebSockets. */
  get isWithoutWebSocket(): boolean {
    return this.#connection.isWithoutWebSocket;
  }

  get page(): string {
    return pageOnTopic(this.#options.page, this.topic);
  }

  /** Whether the page is on a pattern, so that each message needs a topic. */
  get isOnPattern(): boolean {
    return isPattern(this.topic);
  }

  start(): void {
    this.#connection.connect();
  }

  /**
   * Sends a message, or keeps it until the connection is back. A message that is not taken stays in the person's field.
   *
   * @param to the topic; required if the page is on a pattern
   */
  write(said: string | Draft, to = this.topic): Written {
    if (isPattern(to)) return "pattern";
    const { body, headers } = typeof said === "string" ? { body: said, headers: {} } : said;
    const canSend = this.#following.isSubscribed;
    if (!canSend && !this.unsent.hasRoomFor(body)) return "full";
    this.unsent.add(body, this.conversation.write(body, to, this.#surroundings.now(), headers));
    if (canSend) this.#sendUnsent();
    this.#options.changed();
    return "taken";
  }

  /** Joins a topic, or the same one again. @param beginning where in the log it begins */
  join(topic: string, beginning: Beginning = "next"): void {
    if (topic === this.topic && beginning === "next") return;
    const now = this.#surroundings.now();
    if (topic !== this.topic) {
      this.topic = topic;
      this.conversation.forgetUnanswered();
      this.conversation.note(joinedInWords(topic), now);
    }
    if (beginning !== "next") this.conversation.note(beginningInWords(beginning), now);
    this.conversation.expectMissed();
    this.#following.join(topic, offsetOf(beginning, now));
    this.#connection.startAfresh();
    this.#options.changed();
  }

  /** Connects now, since the person asked for it, or looks at the page again. */
  hasten(): void {
    this.#connection.hasten();
  }

  /** Whether the manager asks for a token. */
  get lacksToken(): boolean {
    const { state } = this;
    return state.is === "waiting" && state.closing.code === closeCodes.unauthenticated.code;
  }

  /** The person has entered a token. The manager takes the client id from it. */
  identify(): void {
    this.#connection.goTo(socketUrl(this.#options.page, undefined));
    this.#connection.startAfresh();
  }

  networkLost(): void {
    this.#isDoubtful = this.state.is === "connected";
    this.#options.changed();
  }

  networkBack(): void {
    if (this.#isDoubtful) {
      this.#isDoubtful = false;
      this.conversation.markUnsure();
      this.#following.end();
      this.#connection.connect();
    } else this.hasten();
  }

  #receive(message: LinkMessage): void {
    const arrival = this.#following.take(message);
    if (arrival === undefined) return;
    const now = this.#surroundings.now();
    if (arrival.isAfterGap) this.conversation.noteMissing(now);
    const { headers } = message;
    const own = headers[ownHeader];
    if (own?.startsWith(`${this.#options.pageId}.`)) {
      // The message is in the list already. If it came through the log, it is confirmed.
      this.conversation.heardBack(own, headers, this.#following.isDurable, now);
    } else {
      const { topic, isDirect } = arrival;
      this.conversation.receive(
        {
          body: bodyOf(message.body, headers["content-type"]),
          topic,
          isDirect,
          headers,
        },
        now,
      );
    }
    this.#options.changed();
  }

  #receipt(id: string, after: string | undefined): void {
    if (this.#following.receipt(id, after)) {
      if (this.#following.isSubscribed) this.#subscribed();
    } else this.conversation.markConfirmed(id, this.#surroundings.now());
    this.#options.changed();
  }

  #subscribed(): void {
    this.#isDoubtful = false;
    this.#hasBeenConnected = true;
    this.#connection.establish();
    const now = this.#surroundings.now();
    if (this.#lostAtMs !== undefined) {
      const awayS = Math.max(1, Math.round((now - this.#lostAtMs) / 1_000));
      const missed = this.#following.isDurable
        ? ""
        : ". This manager keeps no log: what was sent meanwhile is not here";
      this.conversation.note(`Connected again after ${awayS} s${missed}`, now);
      this.#lostAtMs = undefined;
    }
    this.#sendUnsent();
  }

  /** Handles an ERROR. Returns whether the next connection avoids the fault. */
  #refused({ receipt = "" }: Refusal): boolean {
    if (!this.#following.refused(receipt)) return this.conversation.markRefused(receipt);
    this.#connection.connect();
    return true;
  }

  #closed(closing: Closing, wasConnected: boolean): void {
    this.#following.end();
    if (!wasConnected) return;
    const now = this.#surroundings.now();
    this.#lostAtMs = now;
    this.conversation.markUnsure();
    this.conversation.note(closingInWords(closing), now);
  }

  #sendUnsent(): void {
    for (const { body, entry } of this.unsent.takeAll()) {
      this.#sentCount += 1;
      const receipt = `${this.#options.pageId}.${this.#sentCount}`;
      this.#following.send(destinationOf(entry.topic), body, {
        ...entry.headers,
        [ownHeader]: receipt,
        receipt,
      });
      this.conversation.markSent(entry, body, receipt, this.#surroundings.now());
    }
  }
}
