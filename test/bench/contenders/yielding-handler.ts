import type { Handler } from "../../../src/processor/handler-types.ts";

/** The time between two yields, as long as a model takes for a word. In milliseconds. */
const pauseMs = 15;

/**
 * Questions to `stream` are answered as a language model would, to all others as the built-in handler does: so both are under the
 * same load. The first yield comes at once, and is what the built-in handler would answer.
 */
const handler: Handler = (message) => {
  const answer = `processed message: ${message.text}`;
  return message.topic === "stream" ? words(answer) : answer;
};
export default handler;

async function* words(first: string): AsyncGenerator<string> {
  yield first;
  for (const word of ["and", "so", "on"]) {
    await Bun.sleep(pauseMs);
    yield word;
  }
}
