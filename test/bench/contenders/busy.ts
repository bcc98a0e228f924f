/**
 * A program that works for a share of a core, in pieces of less than half a millisecond, and does nothing else: what the servers
 * and clients of a run have less of, where RabbitMQ works beside them. Its argument is the share.
 */
const pieceMs = 2;

const share = Number(process.argv[2]);
process.stdout.write("working\n");
for (;;) {
  const untilMs = performance.now() + share * pieceMs;
  while (performance.now() < untilMs);
  await Bun.sleep((1 - share) * pieceMs);
}

export {};
