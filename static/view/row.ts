import { type Entry, type OwnEntry, processedPrefix, type ReceivedEntry } from "../session/entry.ts";
import { messageCount, setText, textElement } from "./element.ts";

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Entries that are messages. */
type MessageEntry = OwnEntry | ReceivedEntry;

const people: Readonly<Record<MessageEntry["kind"], string>> = {
  own: "You",
  other: "Other",
  processed: "Processor",
  binary: "Other",
};

/** One line of the list. `topic` is the page's own: a message of another one says so. */
export function rowOf(entry: Entry, topic: string): HTMLLIElement {
  const row = document.createElement("li");
  row.className = `row ${entry.kind}`;
  if (entry.kind === "processed" && entry.answersOwn) row.classList.add("answers-own");
  if (isMessage(entry))
    row.append(textElement("span", "who", people[entry.kind]), textOf(entry), metaOf(entry, topic));
  else row.append(textElement("p", "text", entry.kind === "missing" ? missingText : ""));
  updateRow(row, entry);
  return row;
}

const missingText =
  "Messages may be missing here: the manager's log no longer reaches back to where this page was.";

function isMessage(entry: Entry): entry is MessageEntry {
  return entry.kind in people;
}

/** Brings a row up to date: one's own messages come further, gaps grow. */
export function updateRow(row: HTMLLIElement, entry: Entry): void {
  const text = row.querySelector<HTMLElement>(".text")!;
  const state = row.querySelector<HTMLElement>(".state");
  if (entry.kind === "event") setText(text, entry.text);
  if (entry.kind === "gap") setText(text, `… ${messageCount(entry.count, "more ")}`);
  if (entry.kind === "own" && state !== null) {
    row.dataset["state"] = entry.state;
    setText(state, stateOf(entry));
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
      return `processed in ${tookOf(entry.tookMs)}`;
  }
}

function tookOf(ms: number): string {
  if (ms < 1_000) return `${Math.max(1, Math.round(ms))} ms`;
  return `${(ms / 1_000).toFixed(1)} s`;
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
  if (entry.kind === "processed") {
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
  if (entry.kind === "own") meta.append(textElement("span", "state", ""), " ");
  else if (entry.isDirect) meta.append(textElement("span", "on", "to you alone"), " ");
  else if (entry.topic !== topic) meta.append(textElement("span", "on", entry.topic || "broadcast"), " ");
  if (entry.kind === "processed" && entry.answersOwn) {
    meta.append(textElement("span", "state", "answers you"), " ");
  }
  meta.append(time);
  return meta;
}
