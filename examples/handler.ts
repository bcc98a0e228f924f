/** `warren --handler examples/handler.ts`: the sender of `2 + 3` is told `5`; all others hear that somebody counts. */
interface Message {
  readonly text: string;
  readonly clientId?: string;
}

export default function add({ text, clientId }: Message) {
  const [, left, right] = /^\s*(\d+)\s*\+\s*(\d+)\s*$/.exec(text) ?? [];
  if (left === undefined || right === undefined) return `processed message: ${text}`;
  return [
    { to: "sender", body: String(Number(left) + Number(right)) },
    { event: "sum asked", by: clientId },
  ];
}
