import type { Conversation } from "../session/conversation.ts";
import type { Session } from "../session/session.ts";
import { elementOf, messageCount, setText } from "./element.ts";
import { rowOf, rowsPerFloodFrameMax, rowsPerFrameMax, updateRow } from "./row.ts";

/** Within this distance of the end the list follows the newest messages again. In pixels. */
const bottomSlackPx = 48;

/** If more rows come at once, they are not animated, since the browser makes a layer of each animated row. */
const arrivingMax = 3;

const upwardKeys = new Set(["ArrowUp", "PageUp", "Home"]);

/** The list of messages. It follows the newest while the reader is at the end, and otherwise does not scroll. */
export class LogView {
  readonly #session: Session;
  readonly #conversation: Conversation;
  readonly #redraw: () => void;
  readonly #go: (topic: string) => void;
  readonly #scroller = elementOf("log", HTMLElement);
  readonly #list = elementOf("messages", HTMLOListElement);
  readonly #empty = elementOf("empty", HTMLElement);
  readonly #earlier = elementOf("earlier", HTMLElement);
  readonly #newer = elementOf("newer", HTMLButtonElement);
  readonly #rows = new Map<number, HTMLLIElement>();
  #lastDrawnId = 0;
  #follows: boolean = true;
  #lastScrollTop = 0;
  #lastEndTop = 0;
  #lastHeight = 0;
  #messagesSeen = 0;
  #calmTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param go joins another topic */
  constructor(session: Session, redraw: () => void, go: (topic: string) => void) {
    this.#session = session;
    this.#go = go;
    this.#conversation = session.conversation;
    this.#redraw = redraw;
    this.#scroller.addEventListener("scroll", () => this.#scrolled());
    this.#scroller.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#intendsUp(), {
      passive: true,
    });
    this.#scroller.addEventListener("keydown", (event) => this.#pressed(event));
    // The on-screen keyboard, a rotated phone and the banner all change the height of the list.
    new ResizeObserver(() => this.#follows && this.#scrollToEnd()).observe(this.#scroller);
    this.#scroller.addEventListener("click", (event) => this.#clicked(event));
    this.#newer.addEventListener("click", () => {
      this.followNewest();
      this.#scroller.focus();
    });
  }

  followNewest(): void {
    this.#follows = true;
    this.#scrollToEnd();
    this.#redraw();
  }

  draw(): void {
    const floods = this.#conversation.floods(Date.now());
    if (floods) this.#drawAgainWhenCalm();
    const ariaLive = floods ? "off" : "polite"; // a screen reader cannot read thousands
    if (this.#scroller.ariaLive !== ariaLive) this.#scroller.ariaLive = ariaLive;
    this.#dropRows();
    const changed = this.#conversation.takeChanged();
    for (const entry of changed) {
      const row = this.#rows.get(entry.id);
      if (row !== undefined) updateRow(row, entry);
    }
    const grew = this.#addRows(floods);
    this.#empty.hidden = this.#conversation.entries.length > 0;
    this.#earlier.hidden = this.#conversation.evicted === 0;
    setText(this.#earlier, `… ${messageCount(this.#conversation.evicted)} before these`);
    if (this.#follows) {
      this.#messagesSeen = this.#conversation.messages;
      if (grew || changed.size > 0) this.#scrollToEnd();
    }
    const unseen = this.#conversation.messages - this.#messagesSeen;
    this.#newer.hidden = unseen === 0;
    setText(this.#newer, `${unseen.toLocaleString("en")} new ↓`);
  }

  /** A click on a topic joins it without loading the page again, unless the person opens it in another tab. */
  #clicked(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>("a[data-topic]") : null;
    if (link === null || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.#go(link.dataset["topic"]!);
  }

  /** Handles keys: Enter goes from the list into its rows, arrows go from row to row, Escape goes back. */
  #pressed(event: KeyboardEvent): void {
    const { key, target } = event;
    if (upwardKeys.has(key)) this.#intendsUp();
    const rows = [...this.#list.querySelectorAll<HTMLElement>(".row:not(.event, .missing)")].map(
      (row) => row.querySelector<HTMLElement>(":scope > button") ?? row,
    );
    const at = rows.indexOf(target as HTMLElement);
    const next =
      at === -1
        ? key === "Enter" && target === this.#scroller
          ? rows.at(-1)
          : undefined
        : key === "ArrowUp"
          ? rows[at - 1]
          : key === "ArrowDown"
            ? rows[at + 1]
            : key === "Escape"
              ? this.#scroller
              : undefined;
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }

  /** A key that scrolls upwards. A smooth scroll begins later, and following the end must not undo it. */
  #intendsUp(): void {
    if (this.#scroller.scrollTop > 0) this.#follows = false;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const endTop = scrollHeight - clientHeight;
    // If the list got shorter or changed its height, the browser has scrolled, and not the reader.
    const isSame = clientHeight === this.#lastHeight && endTop >= this.#lastEndTop;
    const upwards = isSame && scrollTop < this.#lastScrollTop;
    this.#lastScrollTop = scrollTop;
    this.#lastEndTop = endTop;
    this.#lastHeight = clientHeight;
    if (upwards) this.#follows = false;
    else if (endTop - scrollTop < bottomSlackPx) this.#follows = true;
    this.#redraw();
  }

  #dropRows(): void {
    const oldestId = this.#conversation.entries[0]?.id ?? 0;
    for (const [id, row] of this.#rows) {
      if (id >= oldestId) return;
      row.remove();
      this.#rows.delete(id);
    }
  }

  #addRows(floods: boolean): boolean {
    const added: HTMLLIElement[] = [];
    const rowsMax = floods ? rowsPerFloodFrameMax : rowsPerFrameMax;
    for (const entry of this.#conversation.entries) {
      if (entry.id <= this.#lastDrawnId) continue;
      if (added.length === rowsMax) {
        this.#redraw();
        break;
      }
      const row = rowOf(entry, this.#session.topic);
      this.#rows.set(entry.id, row);
      added.push(row);
      this.#lastDrawnId = entry.id;
    }
    if (!floods && added.length <= arrivingMax) for (const row of added) row.classList.add("arrives");
    this.#list.append(...added);
    return added.length > 0;
  }

  #drawAgainWhenCalm(): void {
    this.#calmTimer ??= setTimeout(() => {
      this.#calmTimer = undefined;
      this.#redraw();
    }, 1_600);
  }

  #scrollToEnd(): void {
    // The text that is shown without messages is read from its top.
    if (this.#conversation.entries.length === 0) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastScrollTop = this.#scroller.scrollTop;
    this.#lastHeight = this.#scroller.clientHeight;
    this.#lastEndTop = this.#scroller.scrollHeight - this.#lastHeight;
  }
}
