import { isName } from "../message.ts";
import { wildcardCount, wildcardsMax } from "../topics/pattern.ts";
import { TopicTrie } from "../topics/topic-trie.ts";

/** How many topics' results are remembered. Then the oldest is forgotten. */
const answersMax = 1024;

/**
 * Makes a filter from what a handler exports as `topics`.
 *
 * @returns a sentence that says what is wrong with the export, if something is
 */
export function topicFilter(exported: unknown): ((topic: string) => boolean) | string {
  if (!Array.isArray(exported) || exported.length === 0)
    return 'its topics are no list of patterns; write: export const topics = ["orders.#"], or leave it out';
  const trie = new TopicTrie<true>();
  for (const pattern of exported as readonly unknown[]) {
    if (typeof pattern !== "string" || !isName(pattern) || wildcardCount(pattern) > wildcardsMax) {
      const shown =
        typeof pattern === "string" ? JSON.stringify(pattern.slice(0, 100)) : `a ${typeof pattern}`;
      return `its topics name ${shown}: a pattern is a text of at most 255 bytes, without control characters, with at most ${wildcardsMax} wildcards`;
    }
    trie.add(pattern, true);
  }
  const answers = new Map<string, boolean>();
  return (topic) => {
    let answer = answers.get(topic);
    if (answer === undefined) {
      answer = trie.match(topic).length > 0;
      if (answers.size >= answersMax) answers.delete(answers.keys().next().value!);
      answers.set(topic, answer);
    }
    return answer;
  };
}
