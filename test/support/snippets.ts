import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";

/** A fenced block of a document. */
export interface Snippet {
  /** `docs/protocol.md:13`: where its code begins. */
  readonly place: string;
  /** What stands beside the fence; empty for drawings. */
  readonly language: string;
  readonly code: string;
}

/** The documents that people read, by their paths from the project's folder. */
export const documents: readonly string[] = [
  ...new Bun.Glob("*.md").scanSync(projectFolder),
  ...new Bun.Glob("docs/*.md").scanSync(projectFolder),
].toSorted();

const fences = /^( *)```(\w*)[^\n]*\n(.*?)^\1```$/gms;

export const textOf = (document: string) => readFileSync(join(projectFolder, document), "utf8");

/** All fenced blocks of all documents, or those in one of these languages. */
export function snippets(...languages: readonly string[]): Snippet[] {
  return documents.flatMap((document) => {
    const text = textOf(document);
    return [...text.matchAll(fences)].flatMap(({ index, 2: language = "", 3: code = "" }) => {
      if (languages.length > 0 && !languages.includes(language)) return [];
      const line = text.slice(0, index).split("\n").length + 1;
      return [{ place: `${document}:${line}`, language, code }];
    });
  });
}

/** The commands of a shell's lines, each as its words: what stands between pipes, without comments and redirections. */
export function commandsIn(code: string): string[][] {
  return code
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .flatMap((line) => commandsOf(line));
}

/** Quotes are understood, and `$(…)` is one word; nothing is expanded. */
function commandsOf(line: string): string[][] {
  const tokens = line.match(/#.*$|[|;&<>]+|(?:"(?:\\.|[^"\\])*"|'[^']*'|\$\([^)]*\)|[^\s"'|;&<>])+/g) ?? [];
  const commands: string[][] = [[]];
  let isFile = false;
  for (const token of tokens) {
    if (token.startsWith("#")) break;
    if (/^[<>]/.test(token)) isFile = true;
    else if (/^[|;&]/.test(token)) commands.push([]);
    else if (isFile) isFile = false;
    else commands.at(-1)!.push(token.replaceAll(/(?<!\\)["']/g, ""));
  }
  return commands.filter(({ length }) => length > 0);
}
