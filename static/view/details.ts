import { keptBytesMax, keptCharsMax, type MessageEntry, type OwnEntry, ownHeader } from "../session/entry.ts";
import { textElement } from "./element.ts";
import { pretty } from "./pretty.ts";
import { clock, fineClock, tookOf } from "./times.ts";

/** Headers that are not listed: those that are shown in another form, and those by which the page recognizes its own messages. */
const told = new Set([
  "destination",
  "subscription",
  "content-length",
  "client-id",
  "message-id",
  "timestamp",
  "receipt",
  ownHeader,
]);

/** One step of a message's way. */
interface Stop {
  readonly name: "sent" | "confirmed" | "processed" | "here";
  readonly words: string;
  /** Undefined if it has not come that far. */
  readonly atMs: number | undefined;
}

/** The details of a message: its way, its headers and its body. */
export function detailsOf(entry: MessageEntry): HTMLElement {
  const details = document.createElement("div");
  details.className = "details";
  details.append(journeyOf(entry.kind === "own" ? stopsOf(entry) : arrivalOf(entry.headers, entry.atMs)));
  details.append(factsOf(entry), bodyOf(entry));
  return details;
}

function stopsOf({ state, sentAtMs, confirmedAtMs, processedAtMs }: OwnEntry): readonly Stop[] {
  const isSent = state !== "waiting";
  return [
    { name: "sent", words: isSent ? "sent" : "waits to be sent", atMs: isSent ? sentAtMs : undefined },
    {
      name: "confirmed",
      words: confirmedAtMs === undefined ? "not confirmed yet" : "confirmed",
      atMs: confirmedAtMs,
    },
    {
      name: "processed",
      words: processedAtMs === undefined ? "no answer yet" : "processed",
      atMs: processedAtMs,
    },
  ];
}

/** A time by the sender's clock, which may differ from this one, and has whole seconds. */
function arrivalOf(headers: Readonly<Record<string, string>>, atMs: number): readonly Stop[] {
  const sent = /^\d{1,12}$/.exec(headers["timestamp"] ?? "")?.[0];
  const words = sent === undefined ? "sent at some time" : `sent ${clock.format(1000 * Number(sent))}`;
  return [
    { name: "sent", words, atMs: undefined },
    { name: "here", words: "here", atMs },
  ];
}

function journeyOf(stops: readonly Stop[]): HTMLElement {
  const journey = document.createElement("ol");
  journey.className = "journey";
  let before: number | undefined;
  for (const { name, words, atMs } of stops) {
    const stop = document.createElement("li");
    stop.className = `stop ${name}${atMs === undefined ? " missing" : ""}`;
    stop.append(textElement("span", "stop-name", words));
    if (atMs !== undefined) {
      const sinceMs = before === undefined ? undefined : atMs - before;
      const after = sinceMs === undefined || sinceMs < 0 ? "" : ` +${tookOf(sinceMs)}`;
      stop.append(textElement("span", "quiet", ` ${fineClock.format(atMs)}${after}`));
    }
    before = atMs ?? before;
    journey.append(stop);
  }
  return journey;
}

function factsOf(entry: MessageEntry): HTMLElement {
  const { kind, topic } = entry;
  // The manager sets the id and the sender of own messages.
  const headers = (kind === "own" ? entry.cameBackWith : undefined) ?? entry.headers;
  const facts = document.createElement("dl");
  facts.className = "facts";
  const add = (name: string, value: string | undefined) => {
    if (value === undefined) return;
    const term = document.createElement("dt");
    term.textContent = name;
    const said = document.createElement("dd");
    said.textContent = value;
    facts.append(term, said);
  };
  add("topic", topic || "broadcast");
  add("from", headers["client-id"] ?? (kind === "own" ? undefined : "no client"));
  add("id", headers["message-id"]);
  for (const [name, value] of Object.entries(headers)) if (!told.has(name)) add(name, value);
  return facts;
}

function bodyOf({ body }: MessageEntry): HTMLElement {
  const text = document.createElement("pre");
  text.tabIndex = 0;
  text.ariaLabel = "Body";
  if (typeof body !== "string") {
    const hex = Array.from(body, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    text.textContent = body.length < keptBytesMax ? hex : `${hex} … (no more is kept)`;
  } else text.textContent = body.length < keptCharsMax ? pretty(body) : `${body} … (no more is kept)`;
  return text;
}
