import type { Message, OutgoingMessage } from "../../../src/message.ts";
import type { AnswerSink } from "../../../src/processor/call.ts";
import { Call } from "../../../src/processor/call.ts";
import { RecordingLogger } from "./recording-logger.ts";

/** Where answers go in tests: each is confirmed at once. */
export class PublishedAnswers implements AnswerSink {
  readonly answers: OutgoingMessage[] = [];
  readonly isOverrun = false;
  readonly unconfirmed = 0;

  publish(_: number, answer: OutgoingMessage): void {
    this.answers.push(answer);
  }
  confirmed(): Promise<void> {
    return Promise.resolve();
  }
  room(): undefined {
    return undefined;
  }
}

/** A call whose answers go there. */
export function callOf(
  message: Message,
  sink: AnswerSink = new PublishedAnswers(),
  logger = new RecordingLogger(),
): Call {
  return new Call(message, 1, { group: "g", logger, onFailure: () => undefined }, sink);
}
