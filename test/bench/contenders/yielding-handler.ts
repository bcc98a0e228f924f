import type { Handler } from "../../../src/processor/handler-types.ts";

/** Between two yields, in milliseconds: what a model takes for a word. */
const pauseMs = 15;

/** A stand-in for a language model: the first yield comes at once, and is what the built-in handler would answer. */
const handler: Handler = async function* ({ text }) {
  yield `processed message: ${text}`;
  for (const word of ["and", "so", "on"]) {
    await Bun.sleep(pauseMs);
    yield word;
  }
};
export default handler;
