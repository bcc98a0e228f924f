// Opens with the newest value of each topic, and then gets every new one.
import { connect } from "./stomp.js";

export async function watch(url, pattern, onValue) {
  const connection = await connect(url);
  const onMessage = ({ headers, body }) => onValue(headers.destination.replace("/topic/", ""), body);
  connection.subscribe(`/topic/${pattern}`, onMessage, { "x-stream-offset": "last" });
  return connection;
}
