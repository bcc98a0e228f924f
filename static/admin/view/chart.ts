import { setText, textElement } from "../../view/element.ts";
import type { Series } from "../state/series.ts";
import { spanMs } from "../state/watch.ts";
import { inAge } from "../state/words.ts";

/** One curve. */
export interface Curve {
  /** What the legend calls it. */
  readonly name: string;
  /** Its points. */
  readonly series: Series;
}

/** The shortest time that is drawn, in milliseconds, although a page that was just opened has less to show. */
const spanMinMs = 60_000;
const width = 600;
const height = 112;
const classes = ["first", "second", "third"] as const;
const svgSpace = "http://www.w3.org/2000/svg";

/** Up to three curves over the last ten minutes, or since the page was opened, with their current values. */
export class Chart {
  readonly #curves: readonly Curve[];
  readonly #inWords: (value: number) => string;
  readonly #svg = document.createElementNS(svgSpace, "svg");
  readonly #top = textElement("span", "top", "");
  readonly #paths: readonly SVGPathElement[];
  readonly #nows: readonly HTMLElement[];
  readonly #since = textElement("span", "", "");
  readonly #title: string;

  constructor(
    figure: HTMLElement,
    title: string,
    curves: readonly Curve[],
    inWords: (value: number) => string,
  ) {
    this.#title = title;
    this.#curves = curves;
    this.#inWords = inWords;
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    const legend = document.createElement("ul");
    legend.className = "legend";
    this.#nows = curves.map(({ name }, index) => {
      const item = document.createElement("li");
      const now = textElement("span", `now ${classes[index]}`, "");
      item.append(now, textElement("span", "unit", name));
      legend.append(item);
      return now;
    });
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.setAttribute("preserveAspectRatio", "none");
    this.#svg.setAttribute("role", "img");
    this.#paths = curves.map((_, index) => {
      const group = document.createElementNS(svgSpace, "g");
      group.setAttribute("class", classes[index]!);
      const path = document.createElementNS(svgSpace, "path");
      group.append(path);
      this.#svg.append(group);
      return path;
    });
    const plot = document.createElement("div");
    plot.className = "plot";
    plot.append(this.#svg, this.#top);
    const ends = document.createElement("div");
    ends.className = "plot-ends";
    ends.append(this.#since, textElement("span", "", "now"));
    figure.append(caption, legend, plot, ends);
  }

  draw(nowMs: number): void {
    const max = Math.max(...this.#curves.map(({ series }) => series.max));
    const top = ceilingOf(max);
    const firstMs = this.#curves[0]!.series.points[0]?.atMs ?? nowMs;
    const drawnMs = Math.min(spanMs, Math.max(spanMinMs, nowMs - firstMs));
    setText(this.#since, `${inAge(drawnMs / 1000)} ago`);
    this.#top.textContent = max > 0 ? this.#inWords(top) : "";
    this.#curves.forEach(({ series }, index) => {
      this.#paths[index]!.setAttribute("d", pathOf(series, nowMs, drawnMs, top));
      this.#nows[index]!.textContent = series.last === undefined ? "–" : this.#inWords(series.last);
    });
    const told = this.#curves.map(
      ({ name, series }) =>
        `${name} ${series.last === undefined ? "nothing to measure" : this.#inWords(series.last)}`,
    );
    this.#svg.setAttribute(
      "aria-label",
      `${this.#title}: ${told.join(", ")}; at most ${this.#inWords(max)} in the last ten minutes`,
    );
  }
}

/** A gap ends a line; the next point begins another one. */
function pathOf({ points }: Series, nowMs: number, drawnMs: number, top: number): string {
  let path = "";
  let isDown = false;
  for (const { atMs, value } of points) {
    if (value === undefined) {
      isDown = false;
      continue;
    }
    const x = width * (1 - (nowMs - atMs) / drawnMs);
    const y = top === 0 ? height : height * (1 - value / top);
    path += `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDown = true;
  }
  return path;
}

/** The next of 1, 2, 5, 10, 20, 50 … */
export function ceilingOf(value: number): number {
  if (value <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9)) ?? value;
}
