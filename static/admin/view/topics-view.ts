import { elementOf } from "../../view/element.ts";
import type { Watch } from "../state/watch.ts";
import { inShort } from "../state/words.ts";
import { Table } from "./table.ts";

/** How many topics are shown. */
const shownMax = 50;

interface SeenTopic {
  readonly topic: string;
  readonly messages: number;
  readonly subscribers: number | undefined;
}

/** Lists the topics with the most messages, then those with the most subscribers. */
export class TopicsView {
  readonly #watch: Watch;
  readonly #table: Table<SeenTopic>;
  #most = 0;

  constructor(watch: Watch) {
    this.#watch = watch;
    this.#table = new Table(
      elementOf("topics-table", HTMLElement),
      [
        { title: "Topic", cell: ({ topic }) => (topic === "" ? "broadcast" : topic), className: "name" },
        {
          title: "Messages",
          cell: ({ messages }) => (messages === 0 ? "" : barOf(messages, this.#most)),
          className: "number",
        },
        {
          title: "Subscribers",
          cell: ({ subscribers }) => (subscribers === undefined ? "–" : inShort(subscribers)),
          className: "number",
        },
      ],
      ({ topic }) => topic,
      "No messages yet.",
    );
  }

  draw(): void {
    const { topics, areTopicsAll, metrics } = this.#watch;
    const busy = metrics.get("warren_busiest_topics_messages") ?? [];
    const messages = new Map(busy.map(({ labels, value }) => [labels["topic"] ?? "", value]));
    const subscribers = new Map(topics.map((each) => [each.topic, each.subscribers]));
    this.#most = Math.max(0, ...messages.values());
    const all = [...new Set([...messages.keys(), ...subscribers.keys()])].map((topic) => ({
      topic,
      messages: messages.get(topic) ?? 0,
      subscribers: subscribers.get(topic) ?? (areTopicsAll ? 0 : undefined),
    }));
    all.sort(
      (one, other) =>
        other.messages - one.messages ||
        (other.subscribers ?? 0) - (one.subscribers ?? 0) ||
        (one.topic < other.topic ? -1 : 1),
    );
    const nothing = areTopicsAll
      ? "No messages and no subscriptions yet."
      : "No messages yet. Which topics have subscribers is not known.";
    this.#table.draw(all.slice(0, shownMax), nothing);
  }
}

/** A number with a bar, whose length is the share of the largest number. */
function barOf(value: number, most: number): DocumentFragment {
  const space = "http://www.w3.org/2000/svg";
  const bar = document.createElementNS(space, "svg");
  bar.setAttribute("class", "share");
  bar.setAttribute("viewBox", "0 0 100 6");
  bar.setAttribute("preserveAspectRatio", "none");
  bar.setAttribute("aria-hidden", "true");
  const box = document.createElementNS(space, "rect");
  box.setAttribute("width", String((100 * value) / most));
  box.setAttribute("height", "6");
  bar.append(box);
  const fragment = document.createDocumentFragment();
  fragment.append(inShort(value), bar);
  return fragment;
}
