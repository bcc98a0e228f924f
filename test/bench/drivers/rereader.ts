/**
 * `bun rereader.ts URL MESSAGES`: a client that reads the log from its beginning to its end, again and again, until it is killed or its
 * manager ends. A process of its own: it has much to do. It writes a line when the first message has come.
 */
import { FrameClient } from "./frame-client.ts";

const [address, count] = process.argv.slice(2) as [string, string];
const messages = Number(count);
const url = new URL(address);
let isReady = false;

function reread(): void {
  const client: FrameClient = new FrameClient({
    url,
    subscriptions: [
      [
        ["id", "0"],
        ["destination", "/topic/bench"],
        ["x-stream-offset", "first"],
      ],
    ],
    message: (bytes, _frame, body, length) => {
      if (!isReady) process.stdout.write("reading\n");
      isReady = true;
      const number = Number(Buffer.from(bytes.buffer, bytes.byteOffset + body, length).toString("latin1"));
      if (number < messages - 1) return;
      client.mayClose();
      client.cut();
      setImmediate(reread);
    },
  });
  void client.open();
}

reread();
