import { reasonOf } from "../errors.ts";
import type { Message, OutgoingMessage } from "../message.ts";
import { answersOf } from "./answers.ts";
import { reportOf } from "./failures.ts";
import { echoProcessed, type Handler, HandlerMessage } from "./handler.ts";

/** How the executable is told to be such a process: `warren --quarantined [FILE]`. It is no option of anybody's. */
export const quarantinedFlag = "--quarantined";

/** What became of a message. */
export type Verdict =
  | { readonly answers: readonly OutgoingMessage[] }
  | { readonly error: string; readonly stack?: string | undefined };

/** What the process is asked. */
export type Asked = "ping" | { readonly number: number; readonly message: Message };

/** What the process says: that its handler is loaded; that it hears; what began, what became of it; why it is about to end. */
export type Told =
  | "ready"
  | "pong"
  | { readonly begun: number }
  | { readonly uncaught: string }
  | (Verdict & { readonly number: number });

/**
 * The process in which `quarantine.ts` lets suspects be handled: it calls the handler with each message that it is given and
 * says what came of it, for as long as its parent lives.
 */
export async function serveQuarantined(handlerFile: string | undefined): Promise<never> {
  // Ctrl-C reaches it too; its parent decides when it ends.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => undefined);
  process.on("disconnect", () => process.exit(0));
  const tell = (told: Told) => process.send!(told);
  const handler = handlerFile === undefined ? echoProcessed : await loadHandlerFrom(handlerFile);
  const end = (thrown: unknown) => {
    const { reason, at } = reportOf(thrown);
    // Its parent has the log.
    tell({ uncaught: at === undefined ? reason : `${reason} (${at})` });
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  process.on("message", (asked: Asked) => {
    if (asked === "ping") {
      tell("pong");
      return;
    }
    const { number, message } = asked;
    tell({ begun: number });
    void judge(handler, message).then((verdict) => tell({ ...verdict, number }));
  });
  tell("ready");
  return await new Promise<never>(() => undefined);
}

async function judge(handler: Handler, message: Message): Promise<Verdict> {
  const question = new HandlerMessage(message);
  try {
    return { answers: answersOf(await handler(question), question) };
  } catch (error) {
    return { error: reasonOf(error), stack: reportOf(error).stack };
  }
}

async function loadHandlerFrom(file: string) {
  const { loadHandler } = await import("./load.ts");
  return loadHandler(file);
}
