// A text that comes word by word. On the topic "story" everybody hears it, and a page that is loaded again goes on where it was.
// Asked for by a request it is told to one page alone, and ends when that page cancels, or goes.
import { connect } from "./stomp.js";

/** @param storage keeps how far this page has read, such as `sessionStorage` */
export async function follow(url, storage, onWord) {
  const connection = await connect(url);
  for (const word of JSON.parse(storage.getItem("words") ?? "[]")) onWord(word);
  const after = storage.getItem("after");
  const onMessage = ({ headers, body }) => {
    // What clients say has their name on it; what the handler says has none.
    if (headers["client-id"] === undefined) {
      onWord(body);
      storage.setItem("words", JSON.stringify([...JSON.parse(storage.getItem("words") ?? "[]"), body]));
    }
    storage.setItem("after", headers["x-stream-offset"]);
  };
  connection.subscribe(
    "/topic/story",
    onMessage,
    after === null ? { "x-stream-offset": "next" } : { "x-stream-after": after },
  );
  return {
    begin: (pauseMs) => connection.send("/topic/story", `${pauseMs}`),
    close: () => connection.close(),
  };
}

/** Cancelling is hanging up: the handler hears of it by `context.signal`. */
export async function askAlone(url, pauseMs, onWord) {
  const connection = await connect(url, { onAnswer: ({ body }) => onWord(body) });
  await connection.send("/app/story", `${pauseMs}`, { "reply-to": "/temp-queue/story" });
  return { cancel: () => connection.close() };
}
