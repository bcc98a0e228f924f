/** The results of a file's tests, by name. A number distinguishes tests with the same name. */
export interface FileReport {
  readonly tests: Map<string, "passed" | "failed">;
  /** A fault outside of its tests. */
  fault: Fault | undefined;
}

/** A fault of a file outside of its tests. */
export type Fault =
  /** This includes an import that failed. */
  | "an error between tests"
  | "its process ended too early"
  /** Its process was killed. Perhaps the next file hung before the end of its first test. */
  | "it did not end in time";

export type Report = Map<string, FileReport>;

/** Escape sequences, such as colours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with it
const escapes = /\x1b\[[0-9;]*m/g;
const fileLine = /^(?:::group::)?(\S+\.test\.tsx?):$/;
const testLine = /^\((pass|fail)\) (.*?)(?: \[[\d.]+m?s\])?$/;
const errorLine = "# Unhandled error between tests";
/** After this line, `bun test` repeats its results. */
const recapLine = /^\d+ tests? failed:$/;
const lastLine = /^Ran \d+ tests? across \d+ files?\./;

/** Reads what `bun test` writes to its standard error, line by line. */
export class ReportReader {
  readonly report: Report = new Map();
  #file: FileReport | undefined;
  #isComplete = false;

  /** Returns true if the line is the first of a file. */
  take(text: string): boolean {
    const line = text.replace(escapes, "").trimEnd();
    const [, name] = fileLine.exec(line) ?? [];
    if (name !== undefined) this.#file = this.#fileNamed(name);
    else if (line === errorLine) this.#blame("an error between tests");
    else if (recapLine.test(line)) this.#file = undefined;
    else if (lastLine.test(line)) this.#isComplete = true;
    else this.#takeTest(line);
    return name !== undefined;
  }

  /**
   * To be called when `bun test` has ended: a file that it did not finish has this fault.
   * @returns those of the files that it did not come to, since it ended too early
   */
  end(files: readonly string[], fault: Fault): string[] {
    if (this.#isComplete) return [];
    this.#blame(fault);
    return files.filter((name) => !this.report.has(name));
  }

  #takeTest(line: string): void {
    const [, verdict, name] = testLine.exec(line) ?? [];
    if (name === undefined || this.#file === undefined) return;
    const { tests } = this.#file;
    let key = name;
    for (let number = 2; tests.has(key); number++) key = `${name} (${number})`;
    tests.set(key, verdict === "pass" ? "passed" : "failed");
  }

  #blame(fault: Fault): void {
    if (this.#file !== undefined) this.#file.fault = fault;
  }

  #fileNamed(name: string): FileReport {
    const known = this.report.get(name);
    if (known !== undefined) return known;
    const file: FileReport = { tests: new Map(), fault: undefined };
    this.report.set(name, file);
    return file;
  }
}

/** The names of the files in which something failed. */
export function failedFiles(report: Report): string[] {
  return [...report].filter(([, file]) => hasFailed(file)).map(([name]) => name);
}

export function hasFailed({ fault, tests }: FileReport): boolean {
  return fault !== undefined || [...tests.values()].includes("failed");
}
