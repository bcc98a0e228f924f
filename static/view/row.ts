import { type Entry, type OwnEntry, processedPrefix } from "../session/entry.ts";
import { messageCount, setText, textElement } from "./element.ts";

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

const people: Readonly<Record<Exclude<Entry["kind"], "event" | "gap">, string>> = {
  own: "You",
  other: "Other",
  processed: "Processor",
  binary: "Other",
};

/** One line of the list. */
export function rowOf(entry: Entry): HTMLLIElement {
  const row = document.createElement("li");
  row.className = `row ${entry.kind}`;
  if (entry.kind === "processed" && entry.answersOwn) row.classList.add("answers-own");
  if (entry.kind === "event" || entry.kind === "gap") row.append(textElement("p", "text", ""));
  else row.append(textElement("span", "who", people[entry.kind]), textOf(entry), metaOf(entry));
  updateRow(row, entry);
  return row;
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
      return "sent, no answer before the connection was lost";
    case "processed":
      return `processed in ${tookOf(entry.tookMs)}`;
  }
}

function tookOf(ms: number): string {
  if (ms < 1_000) return `${Math.max(1, Math.round(ms))} ms`;
  return `${(ms / 1_000).toFixed(1)} s`;
}

function textOf(entry: Exclude<Entry, { kind: "event" | "gap" }>): HTMLElement {
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

function metaOf(entry: Exclude<Entry, { kind: "event" | "gap" }>): HTMLElement {
  const meta = textElement("span", "meta", "");
  const time = document.createElement("time");
  const at = new Date(entry.atMs);
  time.dateTime = at.toISOString();
  time.textContent = clock.format(at);
  if (entry.kind === "own") meta.append(textElement("span", "state", ""), " ");
  if (entry.kind === "processed" && entry.answersOwn) {
    meta.append(textElement("span", "state", "answers you"), " ");
  }
  meta.append(time);
  return meta;
}
