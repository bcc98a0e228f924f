// What is addressed to one client alone, also what came while it was away: it keeps the position of what it has seen.
import { connect } from "./stomp.js";

export async function listen(url, storage, onNotification, token) {
  const connection = await connect(url, { token });
  const seen = storage.getItem("seen");
  const onMessage = ({ headers, body }) => {
    onNotification(body);
    storage.setItem("seen", headers["x-stream-offset"]);
  };
  connection.subscribe(
    "/direct",
    onMessage,
    seen === null ? { "x-stream-offset": "first" } : { "x-stream-after": seen },
  );
  return connection;
}
