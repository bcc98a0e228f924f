import { within } from "./wait.ts";

/** What came back over one connection. */
export interface Answers {
  /** The status of each answer, in order. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** Whether the server ended the connection. */
  readonly hasEnded: boolean;
}

/**
 * Sends these bytes (a character is a byte) to an HTTP server and returns what came back, once there are `answers` of them
 * or the server has ended the connection.
 */
export async function sendRaw(url: URL, request: string, answers = 1): Promise<Answers> {
  const enough = Promise.withResolvers<void>();
  let text = "";
  let hasEnded = false;
  const end = () => {
    hasEnded = true;
    enough.resolve();
  };
  const socket = await Bun.connect({
    hostname: url.hostname,
    port: Number(url.port),
    socket: {
      data: (_, bytes) => {
        text += Buffer.from(bytes).toString("latin1");
        if (statusesIn(text).length >= answers) enough.resolve();
      },
      drain: (draining) => write(draining),
      close: end,
      error: end,
    },
  });
  let unsent = Buffer.from(request, "latin1");
  const write = (to: { write(bytes: Buffer): number }) => {
    unsent = unsent.subarray(Math.max(0, to.write(unsent)));
  };
  try {
    write(socket);
    await within(enough.promise, `${answers} answers to ${JSON.stringify(request.slice(0, 80))}`, 20_000);
    return { statuses: statusesIn(text), text, hasEnded };
  } finally {
    socket.terminate();
  }
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}
