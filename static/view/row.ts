import {
  type Entry,
  type GapEntry,
  type MessageEntry,
  type OwnEntry,
  processedPrefix,
} from "../session/entry.ts";
import { pageOnTopic } from "../session/topic.ts";
import { detailsOf } from "./details.ts";
import { messageCount, setText, textElement } from "./element.ts";
import { clock, tookOf } from "./times.ts";

/** How many rows are made in one frame. The others follow in the next frames. */
export const rowsPerFrameMax = 20;

/** The same in a flood, in which the page draws ten times a second, so that the rows of a second come evenly. */
export const rowsPerFloodFrameMax = 8;

const people: Readonly<Record<MessageEntry["kind"], string>> = {
  own: "You",
  other: "Other",
  processed: "Processor",
  binary: "Other",
};

/** One line of the list. `topic` is the page's; a message on another topic shows its own. */
export function rowOf(entry: Entry, topic: string): HTMLLIElement {
  const row = document.createElement("li");
  row.className = `row ${entry.kind}`;
  if (entry.kind === "processed" && entry.answersOwn) row.classList.add("answers-own");
  if (isMessage(entry)) {
    row.append(textElement("span", "who", people[entry.kind]), textOf(entry), metaOf(entry, topic));
    row.tabIndex = -1;
    row.ariaExpanded = "false";
    row.addEventListener("click", ({ target }) => {
      const isElsewhere = target instanceof Element && target.closest("a, button, .details") !== null;
      // Selecting text, to copy it, must not open the message.
      if (!isElsewhere && getSelection()?.isCollapsed !== false) toggle(row, entry);
    });
    row.addEventListener("keydown", (event) => {
      if (event.target !== row || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      toggle(row, entry);
    });
  } else if (entry.kind === "gap") row.append(unfolding(row, entry, topic));
  else row.append(textElement("p", "text", entry.kind === "missing" ? missingText : ""));
  updateRow(row, entry);
  return row;
}

/** Shows the details of a message, or hides them. */
function toggle(row: HTMLLIElement, entry: MessageEntry): void {
  const open = row.querySelector(":scope > .details");
  if (open === null) row.append(detailsOf(entry));
  else open.remove();
  row.ariaExpanded = String(open === null);
}

/** The button that shows folded messages. Their rows are made only then. */
function unfolding(row: HTMLLIElement, entry: GapEntry, topic: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain text";
  button.tabIndex = -1;
  button.ariaExpanded = "false";
  button.addEventListener("click", () => {
    const isOpen = button.ariaExpanded === "true";
    button.ariaExpanded = String(!isOpen);
    row.querySelector(":scope > .messages")?.remove();
    if (isOpen) return;
    const list = document.createElement("ol");
    list.className = "messages";
    row.append(list);
    fill(list, [...entry.folded], topic);
  });
  return button;
}

/** Adds rows over several frames, since a thousand at once would freeze the page for a moment. */
function fill(list: HTMLOListElement, entries: readonly MessageEntry[], topic: string): void {
  list.append(...entries.slice(0, rowsPerFrameMax).map((each) => rowOf(each, topic)));
  const rest = entries.slice(rowsPerFrameMax);
  if (rest.length > 0) requestAnimationFrame(() => list.isConnected && fill(list, rest, topic));
}

const missingText =
  "Messages may be missing here: the manager's log no longer reaches back to where this page was.";

function isMessage(entry: Entry): entry is MessageEntry {
  return entry.kind in people;
}

/** Updates a row: the state of an own message, or the size of a gap. */
export function updateRow(row: HTMLLIElement, entry: Entry): void {
  const text = row.querySelector<HTMLElement>(".text")!;
  const state = row.querySelector<HTMLElement>(".state");
  if (entry.kind === "event") setText(text, entry.text);
  if (entry.kind === "gap") setText(text, `… ${messageCount(entry.folded.length, "more ")}`);
  if (entry.kind === "own" && state !== null) {
    row.dataset["state"] = entry.state;
    setText(state, stateOf(entry));
    row.querySelector(":scope > .details")?.replaceWith(detailsOf(entry));
  }
}

function stateOf(entry: OwnEntry): string {
  switch (entry.state) {
    case "waiting":
      return "waiting to be sent";
    case "sent":
      return "sent";
    case "unsure":
      return "sent, not confirmed before the connection was lost";
    case "refused":
      return "refused";
    case "confirmed":
      return "confirmed";
    case "processed":
      return `processed in ${tookOf(entry.processedAtMs! - entry.sentAtMs)}`;
  }
}

function textOf(entry: MessageEntry): HTMLElement {
  if (entry.kind === "binary") {
    const text = textElement("p", "text", entry.preview);
    text.prepend(textElement("span", "quiet", `binary, ${entry.sizeBytes.toLocaleString("en")} bytes  `));
    return text;
  }
  const text = textElement("p", "text", entry.text);
  text.dir = "auto";
  if (entry.text === "") text.append(textElement("span", "quiet", "(empty message)"));
  if (entry.kind === "processed" && entry.text.startsWith(processedPrefix)) {
    text.replaceChildren(
      textElement("span", "quiet", processedPrefix),
      entry.text.slice(processedPrefix.length),
    );
  }
  return text;
}

function metaOf(entry: MessageEntry, topic: string): HTMLElement {
  const meta = textElement("span", "meta", "");
  const time = document.createElement("time");
  const at = new Date(entry.atMs);
  time.dateTime = at.toISOString();
  time.textContent = clock.format(at);
  if (entry.kind !== "own" && entry.isDirect) meta.append(textElement("span", "on", "to you alone"), " ");
  else if (entry.topic !== topic) meta.append(linkTo(entry.topic), " ");
  if (entry.kind === "own") meta.append(textElement("span", "state", ""), " ");
  if (entry.kind === "processed" && entry.answersOwn) {
    meta.append(textElement("span", "state", "answers you"), " ");
  }
  meta.append(time);
  return meta;
}

/** A link to a topic. */
function linkTo(topic: string): HTMLAnchorElement {
  const link = document.createElement("a");
  link.className = "on";
  link.href = pageOnTopic(location.href, topic);
  link.dataset["topic"] = topic;
  link.textContent = topic || "broadcast";
  return link;
}
