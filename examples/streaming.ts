// A stand-in for a language model: yields its text word by word. Run by: dist/warren --handler examples/streaming.ts
import type { Handler } from "../src/processor/handler-types.ts";

/** Only questions to /app/story, and what is said on the topic "story". */
export const topics = ["story"];

const words = "Once upon a time a rabbit dug a burrow, and every room of it had two ways out.".split(" ");

const handler: Handler = async function* ({ text }, { signal, log }) {
  const pauseMs = Number(text) || 20;
  log.debug("a story begins", { pauseMs });
  for (const word of words) {
    // What takes long is told when nobody waits for it any more.
    signal.throwIfAborted();
    yield `${word} `;
    await Bun.sleep(pauseMs);
  }
  yield { to: { topic: "story.told" }, body: { words: words.length } };
};
export default handler;
