import type { Conversation } from "../session/conversation.ts";
import type { Session } from "../session/session.ts";
import { elementOf, messageCount, setText } from "./element.ts";
import { rowOf, rowsPerFloodFrameMax, rowsPerFrameMax, updateRow } from "./row.ts";

/** A reader that scrolls down to this near the end wants to follow the newest again. In pixels. */
const bottomSlackPx = 48;

/** When more rows come at once, none of them moves: each that does is a layer of its own to the browser. */
const arrivingMax = 3;

const upwardKeys = new Set(["ArrowUp", "PageUp", "Home"]);

/** The list of messages. It follows the newest while the reader is at the end, and stays put otherwise. */
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

  /** @param go leads to another topic */
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
    // The on-screen keyboard, a rotated phone and the banner all change how much of the list is seen.
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
    const ariaLive = floods ? "off" : "polite"; // nobody can listen to thousands
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

  /** A topic in a row leads there without loading the page anew, but for those who want it in a tab of its own. */
  #clicked(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>("a[data-topic]") : null;
    if (link === null || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.#go(link.dataset["topic"]!);
  }

  /** Enter goes from the list into its rows, arrows from one to the next, Escape back. */
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

  /** What would scroll upwards, once the browser gets to it: a smooth scroll begins later, and must not be undone. */
  #intendsUp(): void {
    if (this.#scroller.scrollTop > 0) this.#follows = false;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const endTop = scrollHeight - clientHeight;
    // Where the list got shorter or its window another size, the browser moved upwards, not the reader.
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
    // What stands there while there is no message begins at its top.
    if (this.#conversation.entries.length === 0) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastScrollTop = this.#scroller.scrollTop;
    this.#lastHeight = this.#scroller.clientHeight;
    this.#lastEndTop = this.#scroller.scrollHeight - this.#lastHeight;
  }
}
