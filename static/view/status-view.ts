import { closingInWords } from "../session/closing.ts";
import type { Session } from "../session/session.ts";
import { elementOf, messageCount, setText } from "./element.ts";

const withoutWebSocket =
  "WebSockets are blocked: a proxy does not pass the Upgrade header on. Messages come as server-sent events instead.";

/** Shows the client id and the state of the connection: since when and why it is lost, and when the next attempt is. */
export class StatusView {
  readonly #session: Session;
  readonly #redraw: () => void;
  readonly #status = elementOf("status", HTMLElement);
  readonly #shown = elementOf("status-shown", HTMLElement);
  readonly #spoken = elementOf("status-spoken", HTMLElement);
  readonly #clientId = elementOf("client-id", HTMLElement);
  readonly #banner = elementOf("banner", HTMLElement);
  readonly #reason = elementOf("banner-reason", HTMLElement);
  #messages = 0;
  #ticker: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, redraw: () => void) {
    this.#session = session;
    this.#redraw = redraw;
    setText(this.#clientId, session.clientId);
    elementOf("retry", HTMLButtonElement).addEventListener("click", () => session.hasten());
  }

  draw(): void {
    const { state, clientId } = this.#session;
    setText(this.#clientId, clientId);
    this.#status.dataset["is"] = state.is;
    // The shown text counts down. The spoken text only tells changes.
    switch (state.is) {
      case "connecting":
        setText(this.#shown, "Connecting…");
        setText(this.#spoken, "Connecting");
        break;
      case "connected":
        this.#banner.hidden = true;
        setText(this.#shown, this.#connectedInWords());
        setText(this.#spoken, this.#how());
        this.#status.title = this.#session.isWithoutWebSocket ? withoutWebSocket : "";
        break;
      case "waiting": {
        const inS = Math.max(1, Math.ceil((state.untilMs - Date.now()) / 1_000));
        const word = navigator.onLine ? "Reconnecting" : "Offline, trying";
        this.#banner.hidden = false;
        setText(this.#reason, `${closingInWords(state.closing)}. ${this.#whatToExpect()}`);
        setText(this.#shown, `${word} in ${inS} s`);
        setText(this.#spoken, navigator.onLine ? "Not connected, reconnecting" : "Offline");
        this.#tick();
      }
    }
  }

  #how(): string {
    return this.#session.isWithoutWebSocket ? "Connected by HTTP" : "Connected";
  }

  #whatToExpect(): string {
    const waiting = this.#session.unsent.length;
    if (waiting === 0) return "Go on writing: it is sent when the connection is back.";
    return `${messageCount(waiting)} will be sent when the connection is back.`;
  }

  /** Shows the pace of messages too, and updates it until it is zero. */
  #connectedInWords(): string {
    const pace = this.#session.conversation.pace.perSecond(Date.now());
    if (pace === 0 && this.#session.conversation.messages === this.#messages) return this.#how();
    this.#messages = this.#session.conversation.messages;
    this.#tick(1_000);
    return pace <= 1 ? this.#how() : `${this.#how()}, ${pace.toLocaleString("en")}/s`;
  }

  #tick(ms = 250): void {
    this.#ticker ??= setTimeout(() => {
      this.#ticker = undefined;
      this.#redraw();
    }, ms);
  }
}
