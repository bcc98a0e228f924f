// A chat room with its last fifty messages. Who said what comes from Warren (with tokens, from the token), not from the browser.
import { connect } from "./stomp.js";

export async function enter(url, room, onLine, token) {
  const connection = await connect(url, { token });
  const onMessage = ({ headers, body }) => onLine({ name: headers["client-id"], text: body });
  connection.subscribe(`/topic/chat.${room}`, onMessage, { "x-stream-offset": "last=50" });
  return {
    // The key makes it safe to send a line again when nobody knows whether it arrived.
    say: (text, key = crypto.randomUUID()) =>
      connection.send(`/topic/chat.${room}`, text, { "idempotency-key": key }),
    leave: () => connection.close(),
  };
}
