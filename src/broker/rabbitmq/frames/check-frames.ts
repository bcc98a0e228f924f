import { frameEnd, frameMethod, frameOverhead, frameSizeAt } from "./amqp-wire.ts";

/** What has to exist so that a publish reaches everybody. */
export interface Needed {
  /** Exchanges that have to exist. */
  readonly exchanges: readonly [string, ...string[]];
  /** Queues that have to exist. */
  readonly queues: readonly string[];
}

const classExchange = 40;
const classQueue = 50;
const methodDeclare = 10;
const isPassive = 1;
const isNoWaitQueue = 16;
const isNoWaitExchange = 16;
/** Type, channel, size, class, method, a reserved number, and the frame's end. */
const fixedBytes = frameOverhead + 4 + 2;

/**
 * Makes frames that ask RabbitMQ whether all of this exists: if anything does not, RabbitMQ closes the channel with 404. Each is a passive
 * declaration, so nothing is declared, and without an answer, which spares RabbitMQ asking each queue for its depth. With `isAnswered`, the
 * last exchange is asked for with an answer, which comes after all others were found. (AMQP 0-9-1, 1.6.2.1 and 1.7.2.1.)
 */
export function checkFrames({ exchanges, queues }: Needed, channel: number, isAnswered: boolean): Buffer {
  const frames = queues.map((queue) =>
    method(channel, classQueue, [shortText(queue), bits(isPassive | isNoWaitQueue), noTable]),
  );
  for (const [index, exchange] of exchanges.entries()) {
    const hasAnswer = isAnswered && index === exchanges.length - 1;
    const flags = isPassive | (hasAnswer ? 0 : isNoWaitExchange);
    frames.push(
      method(channel, classExchange, [shortText(exchange), shortText("fanout"), bits(flags), noTable]),
    );
  }
  return Buffer.concat(frames);
}

const noTable = Buffer.alloc(4);

function bits(value: number): Buffer {
  return Buffer.from([value]);
}

function shortText(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([bits(bytes.byteLength), bytes]);
}

function method(channel: number, classId: number, parts: readonly Buffer[]): Buffer {
  const arguments_ = Buffer.concat(parts);
  const frame = Buffer.alloc(fixedBytes + arguments_.byteLength);
  frame.writeUInt8(frameMethod, 0);
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(frame.byteLength - frameOverhead, frameSizeAt);
  frame.writeUInt16BE(classId, 7);
  frame.writeUInt16BE(methodDeclare, 9);
  arguments_.copy(frame, 13);
  frame.writeUInt8(frameEnd, frame.byteLength - 1);
  return frame;
}
