import { reasonOf } from "../errors.ts";
import type { Body, Message } from "../message.ts";
import { StreamLog } from "../ops/log.ts";
import { endOnUncaught } from "../ops/uncaught.ts";
import { answersOf } from "./answers.ts";
import { echoProcessed, type Handler, HandlerMessage } from "./handler.ts";

/** How the executable is told to be such a process: `warren --quarantined [FILE]`. It is no option of anybody's. */
export const quarantinedFlag = "--quarantined";

/** What the process says first, when its handler is loaded. */
export const ready = "ready";

/** What it says of the message that it was given. */
export type Verdict =
  | { readonly answers: readonly { readonly body: Body; readonly isToSender: boolean }[] }
  | { readonly error: string };

/**
 * The process in which `quarantine.ts` lets suspects be handled: it calls the handler with one message after the other and
 * says what came of it, for as long as its parent lives.
 */
export async function serveQuarantined(handlerFile: string | undefined): Promise<never> {
  // Ctrl-C reaches it too; its parent decides when it ends.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => undefined);
  process.on("disconnect", () => process.exit(0));
  endOnUncaught(new StreamLog(process.stderr, "text", "error"));
  const handler = handlerFile === undefined ? echoProcessed : await loadHandlerFrom(handlerFile);
  process.on("message", (message: Message) => void judge(handler, message).then((it) => process.send!(it)));
  process.send!(ready);
  return await new Promise<never>(() => undefined);
}

async function judge(handler: Handler, message: Message): Promise<Verdict> {
  const question = new HandlerMessage(message);
  try {
    const answers = answersOf(await handler(question), question);
    return { answers: answers.map(({ body, clientId }) => ({ body, isToSender: clientId !== undefined })) };
  } catch (error) {
    return { error: reasonOf(error) };
  }
}

async function loadHandlerFrom(file: string) {
  const { loadHandler } = await import("./load.ts");
  return loadHandler(file);
}
