import type { Waiter } from "../envelope/waiter.ts";
import { reasonOf } from "../errors.ts";
import type { Message, OutgoingMessage } from "../message.ts";
import { type Fields, inJson, type Level, type Logger } from "../ops/logger.ts";
import { Answering, type AnswerOutbox } from "./answering.ts";
import { completed, finish, isPending } from "./attempts.ts";
import { Call } from "./call.ts";
import { reportOf } from "./failures.ts";
import { echoProcessed, HandlerMessage, type Work } from "./handler.ts";

/** The flag that makes the executable such a process: `warren --quarantined GROUP [HANDLER]`. It is internal. */
export const quarantinedFlag = "--quarantined";

/** What became of a message. Its answers were reported before. */
export type Verdict = "handled" | { readonly error: string; readonly stack?: string | undefined };

/** What the parent sends. All but the first are about a message, by the number that it was sent with. */
export type Asked =
  | "ping"
  | { readonly number: number; readonly message: Message; readonly attempt: number }
  | { readonly number: number; readonly confirmed: number; readonly setAside?: string | undefined }
  | { readonly number: number; readonly aborted: string }
  | { readonly number: number; readonly abandoned: string };

/**
 * What the process sends: that its handler is loaded, that it reacts, that a message began, its answers, lines for the log, verdicts, and
 * why it is about to end.
 */
export type Told =
  | "ready"
  | "pong"
  | { readonly begun: number }
  | { readonly uncaught: string }
  | { readonly number: number; readonly answer: number; readonly message: OutgoingMessage }
  | { readonly number: number; readonly level: Level; readonly line: string; readonly fields: string }
  | { readonly number: number; readonly verdict: Verdict };

/** A message that the process is handling. */
interface InHand {
  readonly call: Call;
  /** Its unconfirmed answers, by number. */
  readonly waiters: Map<number, Waiter>;
}

/**
 * Runs the process in which `quarantine.ts` has suspects handled: it calls the handler with each message that it gets and reports the
 * result, for as long as its parent lives.
 */
export async function serveQuarantined(group: string, handlerName: string | undefined): Promise<never> {
  // Ctrl-C reaches this process too, but its parent decides when it ends.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => undefined);
  process.on("disconnect", () => process.exit(0));
  const tell = (told: Told) => process.send!(told);
  const work: Work = handlerName === undefined ? { handle: echoProcessed } : await loadWorkFrom(handlerName);
  const end = (thrown: unknown) => {
    const { reason, at } = reportOf(thrown);
    // The parent prints the log.
    tell({ uncaught: at === undefined ? reason : `${reason} (${at})` });
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  const inHand = new Map<number, InHand>();
  process.on("message", (asked: Asked) => {
    if (asked === "ping") tell("pong");
    else if ("message" in asked) {
      const { number, message, attempt } = asked;
      tell({ begun: number });
      const waiters = new Map<number, Waiter>();
      const answering = new Answering(message.id, group, outboxTo(tell, number, waiters));
      const terms = { group, logger: loggerTo(tell, number), onFailure: () => undefined };
      const call = new Call(message, attempt, terms, answering);
      inHand.set(number, { call, waiters });
      void judge(work, message, call).then((verdict) => {
        tell({ number, verdict });
        answering.whenSettled(() => inHand.delete(number));
      });
    } else if ("abandoned" in asked) inHand.get(asked.number)?.call.abandon(new Error(asked.abandoned));
    else if ("aborted" in asked) {
      const call = inHand.get(asked.number)?.call;
      call?.abort(new Error(asked.aborted));
      call?.end();
    } else settle(inHand.get(asked.number)?.waiters, asked.confirmed, asked.setAside);
  });
  tell("ready");
  return await new Promise<never>(() => undefined);
}

/** The parent measures the time, since it has to watch the process as a whole. */
const patientMs = 2 ** 31 - 1;

async function judge({ handle }: Work, message: Message, call: Call): Promise<Verdict> {
  try {
    const result = handle(new HandlerMessage(message), call);
    if (isPending(result)) await completed(result, call, patientMs, { keepUntil: () => undefined });
    else finish(call, result);
    return "handled";
  } catch (error) {
    return { error: reasonOf(error), stack: reportOf(error).stack };
  } finally {
    call.end();
  }
}

/** Passes answers to the parent, which publishes them. They come in the order of their numbers. */
function outboxTo(tell: (told: Told) => void, number: number, waiters: Map<number, Waiter>): AnswerOutbox {
  let answers = 0;
  return {
    isFull: false,
    append(message, waiter) {
      const answer = ++answers;
      if (waiter !== undefined) waiters.set(answer, waiter);
      tell({ number, answer, message });
      return answer;
    },
  };
}

function settle(
  waiters: Map<number, Waiter> | undefined,
  answer: number,
  setAside: string | undefined,
): void {
  const waiter = waiters?.get(answer);
  waiters?.delete(answer);
  if (setAside === undefined) waiter?.confirmed();
  else waiter?.setAside(setAside);
}

function loggerTo(tell: (told: Told) => void, number: number): Logger {
  // Fields may be anything, even values that cannot be sent to another process.
  const line = (level: Level) => (text: string, fields?: Fields) =>
    void tell({ number, level, line: text, fields: inJson(fields ?? {}) });
  return {
    wants: () => true,
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
}

async function loadWorkFrom(name: string): Promise<Work> {
  const { loadWork } = await import("./load.ts");
  return loadWork(name);
}
