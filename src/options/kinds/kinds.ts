import { msPerUnit } from "../../duration.ts";

/**
 * The kinds of values that options have. Each parses the text of a flag or an environment variable, or says in a few words what it expects
 * instead.
 */

/** Thrown by a kind's parser: its message completes "--flag VALUE: ". */
export class NotOfThisKind extends Error {}

/** A kind of value that an option may have. */
export interface Kind<T> {
  /** The placeholder for the value in `--help`: `NAME`, `URL[,URL…]`, `auto|on|off`. Empty for a switch. */
  readonly placeholder: string;
  /** Parses the text. @throws UsageError if it is not valid */
  parse(text: string): T;
  /** The value as the flag's text, for `--help` and docs/options.md. */
  show(value: T): string;
  /** Set if the flag may be repeated, to add to the list. */
  readonly isList?: true;
}

const plain = { show: (value: unknown) => String(value) };

/** One of a few words. */
export function choice<const W extends string>(...words: readonly W[]): Kind<W> {
  return {
    ...plain,
    placeholder: words.join("|"),
    parse(text) {
      const word = words.find((candidate) => candidate === text);
      if (word === undefined) throw new NotOfThisKind(`must be one of ${words.join(", ")}`);
      return word;
    },
  };
}

/** Present or absent. As an environment variable: 1, true, on, yes or 0, false, off, no. */
export const toggle: Kind<boolean> = {
  placeholder: "",
  show: (value) => (value ? "on" : "off"),
  parse(text) {
    const word = text.toLowerCase();
    if (["1", "true", "on", "yes"].includes(word)) return true;
    if (["0", "false", "off", "no"].includes(word)) return false;
    throw new NotOfThisKind("must be on or off");
  },
};

/** A toggle that is on by default, so that its flag has a value: `--name off`. */
export const onOff: Kind<boolean> = { ...toggle, placeholder: "on|off" };

/** Any text that is not empty. */
export function text(placeholder: string, check?: (value: string) => void): Kind<string> {
  return {
    ...plain,
    placeholder,
    parse(value) {
      if (value === "") throw new NotOfThisKind("must not be empty");
      check?.(value);
      return value;
    },
  };
}

/** A whole number from `least` to `most`, both included. */
export function whole(placeholder: string, least: number, most: number): Kind<number> {
  return {
    ...plain,
    placeholder,
    parse(value) {
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= least && number <= most)) {
        throw new NotOfThisKind(`must be a whole number from ${least} to ${most}`);
      }
      return number;
    },
  };
}

const bytesPerUnit = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
type ByteUnit = keyof typeof bytesPerUnit;

/** A size: `1048576`, `64KiB`, `1MiB`, `2GiB`. The value is in bytes. */
export function bytes(least: number, most: number): Kind<number> {
  return {
    placeholder: "SIZE",
    show: showBytes,
    parse(value) {
      const [, digits, unit] = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(value) ?? [];
      const size =
        digits === undefined ? Number.NaN : Number(digits) * bytesPerUnit[(unit ?? "B") as ByteUnit];
      if (!(size >= least && size <= most)) {
        throw new NotOfThisKind(
          `must be a size from ${showBytes(least)} to ${showBytes(most)}, such as 64KiB or 1MiB`,
        );
      }
      return size;
    },
  };
}

function showBytes(size: number): string {
  for (const unit of ["GiB", "MiB", "KiB"] as const) {
    if (size >= bytesPerUnit[unit] && size % bytesPerUnit[unit] === 0)
      return `${size / bytesPerUnit[unit]}${unit}`;
  }
  return String(size);
}

type TimeUnit = keyof typeof msPerUnit;

/** A span of time: `500ms`, `10s`, `5m`, `1h`, `7d`; a bare number is seconds. The value is in milliseconds. */
export function span(leastMs: number, mostMs: number): Kind<number> {
  return {
    placeholder: "TIME",
    show: showSpan,
    parse(value) {
      const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(value) ?? [];
      const ms = digits === undefined ? Number.NaN : Number(digits) * msPerUnit[(unit ?? "s") as TimeUnit];
      if (!(ms >= leastMs && ms <= mostMs)) {
        throw new NotOfThisKind(
          `must be a time from ${showSpan(leastMs)} to ${showSpan(mostMs)}, such as 500ms, 10s or 5m`,
        );
      }
      return Math.round(ms);
    },
  };
}

function showSpan(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms >= msPerUnit[unit] && ms % msPerUnit[unit] === 0) return `${ms / msPerUnit[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/** Several texts in one, separated by commas. */
export function list(placeholder: string, check?: (item: string) => void): Kind<readonly string[]> {
  return {
    placeholder,
    isList: true,
    show: (values) => values.join(","),
    parse(value) {
      const items = value.split(",").map((item) => item.trim());
      if (items.includes("")) throw new NotOfThisKind("must be a list without empty items");
      for (const item of items) check?.(item);
      return items;
    },
  };
}
