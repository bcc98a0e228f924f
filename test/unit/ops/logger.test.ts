import { describe, expect, test } from "bun:test";
import { Writable } from "node:stream";
import { type Level, levels, StreamLogger } from "../../../src/ops/logger.ts";
import { turn } from "../doubles/turn.ts";

/** An output that takes a line only when it is told to. */
class SlowOutput extends Writable {
  text = "";
  readonly #taken: (() => void)[] = [];
  isRead = true;

  override _write(chunk: Buffer, _: BufferEncoding, taken: () => void): void {
    this.text += chunk.toString();
    if (this.isRead) taken();
    else this.#taken.push(taken);
  }

  /** Reads all that waits, now and later. */
  read(): void {
    this.isRead = true;
    for (const taken of this.#taken.splice(0)) taken();
  }

  get lines(): readonly string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

function loggerTo(format: "text" | "json", level: Level = "debug") {
  const output = new SlowOutput();
  return { output, logger: new StreamLogger(output, format, level) };
}

/** A text line without its time. */
const untimed = (line: string | undefined) => line?.replace(/^\d\d:\d\d:\d\d\.\d{3} /, "");

test.each(levels)("at --log-level %s less severe lines are not printed", (level) => {
  const { output, logger } = loggerTo("json", level);
  for (const each of levels) logger[each](`a ${each}`);
  const printed = output.lines.map((line) => (JSON.parse(line) as { level: Level }).level);
  expect(printed).toEqual(levels.slice(levels.indexOf(level)));
});

describe("json", () => {
  test("is one object a line with time, level, message and fields", () => {
    const { output, logger } = loggerTo("json");
    logger.warn("broker lost", { waitMs: 200, reason: 'closed "by peer"\nsoon', missing: undefined });
    const [line, ...more] = output.lines;
    expect(more).toEqual([]);
    const { time, ...rest } = JSON.parse(line!) as Record<string, unknown>;
    expect(rest).toEqual({
      level: "warn",
      msg: "broker lost",
      waitMs: 200,
      reason: 'closed "by peer"\nsoon',
    });
    expect(new Date(String(time)).toISOString()).toBe(String(time));
  });
});

describe("JSON", () => {
  test("has nothing by which a client could drive a terminal or turn a line, and says the same", () => {
    const { output, logger } = loggerTo("json");
    const said = Array.from({ length: 0x2100 }, (_, code) => String.fromCharCode(code)).join("");
    logger.info("client sent", { message: said });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const misleading = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
    expect(output.lines[0]).not.toMatch(misleading);
    expect(JSON.parse(output.lines[0]!)).toMatchObject({ message: said });
  });
});

describe("text", () => {
  const printed = (fields: Record<string, unknown>) => {
    const { output, logger } = loggerTo("text");
    logger.info("said", fields);
    expect(output.lines.length).toBe(1);
    return untimed(output.lines[0]);
  };

  test("begins with the time of day", () => {
    const { output, logger } = loggerTo("text");
    logger.info("listening");
    expect(output.lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} listening$/);
  });

  test("names the level unless it is info", () => {
    const { output, logger } = loggerTo("text");
    for (const level of levels) logger[level]("x");
    expect(output.lines.map(untimed)).toEqual(["DEBUG x", "x", "WARN x", "ERROR x"]);
  });

  test("has fields as key=value, quoted where need be, and leaves out what is undefined", () => {
    expect(printed({ port: 8000, url: "http://x/", nothing: undefined, why: "two words", empty: "" })).toBe(
      'said port=8000 url=http://x/ why="two words" empty=""',
    );
    expect(printed({ quote: 'say "x"', equals: "a=b" })).toBe('said quote="say \\"x\\"" equals="a=b"');
  });

  test("stays one line whatever a client sends", () => {
    expect(printed({ message: "one\ntwo\r\nthree" })).toBe('said message="one\\ntwo\ufffd\\nthree"');
    expect(printed({ message: "tab\there" })).toBe('said message="tab\\there"');
  });

  test("lets no client turn the direction of a line", () => {
    const turning = "\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u2028\u2029";
    expect(printed({ message: `a${turning}b` })).toBe(`said message="a${"\ufffd".repeat(9)}b"`);
  });

  test("lets no client drive the terminal", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const control = /[\u0000-\u001f\u007f-\u009f]/;
    for (let code = 0; code < 256; code++) {
      expect(printed({ message: `a${String.fromCharCode(code)}b` })).not.toMatch(control);
    }
    expect(printed({ message: "\u001b[2J\u0007" })).toBe("said message=\ufffd[2J\ufffd");
  });
});

describe("what a handler logs", () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const misleading = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
  const clients = "a\u001b[2J\r\n\tb\u202ec";

  test("may be a client's words, in the line itself and in the names of fields: they drive no terminal, and make no line of their own", () => {
    for (const format of ["text", "json"] as const) {
      const { output, logger } = loggerTo(format);
      logger.info(clients, { [clients]: clients });
      expect(output.lines.length).toBe(1);
      expect(output.text).not.toMatch(misleading);
    }
    const { output, logger } = loggerTo("text");
    logger.info("one\n\ttwo");
    expect(untimed(output.lines[0])).toBe("one\\n\\ttwo");
  });

  test("may be anything: what JSON has no words for costs the handler nothing", () => {
    const circle: Record<string, unknown> = { name: "round" };
    circle["self"] = circle;
    const fields = { big: 2n ** 64n, error: new TypeError("no such order"), order: { lines: [1, 2] } };
    const json = loggerTo("json");
    json.logger.info("order", fields);
    expect(JSON.parse(json.output.lines[0]!)).toMatchObject({
      big: "18446744073709551616",
      error: "TypeError: no such order",
      order: { lines: [1, 2] },
    });
    json.logger.info("circle", { circle, n: 7, big: 1n });
    expect(JSON.parse(json.output.lines[1]!)).toMatchObject({
      msg: "circle",
      circle: "[object Object]",
      n: 7,
      big: "1",
    });
    const text = loggerTo("text");
    text.logger.info("order", { ...fields, circle, list: [1, 2] });
    expect(untimed(text.output.lines[0])).toBe(
      'order big=18446744073709551616 error="TypeError: no such order" order="{\\"lines\\":[1,2]}" ' +
        'circle="{\\"name\\":\\"round\\",\\"self\\":\\"[object Object]\\"}" list=1,2',
    );
  });
});

describe("an output that nobody reads", () => {
  const line = "x".repeat(999);

  test("gets about a MiB, then nothing: memory does not grow", () => {
    const { output, logger } = loggerTo("json");
    output.isRead = false;
    for (let i = 0; i < 5000; i++) logger.info(line);
    expect(output.writableLength).toBeLessThan(1.01 * 1024 ** 2);
    expect(output.writableLength).toBeGreaterThan(0.99 * 1024 ** 2);
  });

  test("gets the count of what it missed when it is read again, before the next line", async () => {
    const { output, logger } = loggerTo("json");
    output.isRead = false;
    for (let i = 0; i < 5000; i++) logger.info(line);
    output.read();
    const kept = output.lines.length;
    logger.info("after");
    await turn();
    const [warning, after, ...more] = output.lines.slice(kept).map((text) => JSON.parse(text) as unknown);
    expect(warning).toMatchObject({ level: "warn", linesDropped: 5000 - kept });
    expect(after).toMatchObject({ level: "info", msg: "after" });
    expect(more).toEqual([]);
    logger.info("and on");
    await turn();
    expect(output.lines.length).toBe(kept + 3);
  });
});
