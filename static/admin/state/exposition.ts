/** A sample: one line of `/metrics`. */
export interface Sample {
  /** Its labels, by name. */
  readonly labels: Readonly<Record<string, string>>;
  /** The number. */
  readonly value: number;
}

/** Samples by the names of their metrics. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Parses Prometheus' text format. Comments and invalid lines are skipped. */
export function samplesIn(text: string): Samples {
  const samples = new Map<string, Sample[]>();
  for (const each of text.split("\n")) {
    const [, name, said = "", value] = line.exec(each) ?? [];
    if (name === undefined) continue;
    const labels = Object.fromEntries(
      Array.from(said.matchAll(label), ([, key, text]) => [key!, unescaped(text!)]),
    );
    const known = samples.get(name);
    if (known === undefined) samples.set(name, [{ labels, value: Number(value) }]);
    else known.push({ labels, value: Number(value) });
  }
  return samples;
}

/** The value of a metric, added up over its labels; undefined if there is no such metric. */
export function numberOf(samples: Samples, name: string): number | undefined {
  return samples.get(name)?.reduce((sum, { value }) => sum + value, 0);
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}
