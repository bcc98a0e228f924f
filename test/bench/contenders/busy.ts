/**
 * A program that works for a share of a core, by its own CPU time, in short pieces, and does nothing else: what the servers and
 * clients of a run have less of, where RabbitMQ works beside them. Its argument is the share.
 */
const pauseMs = 1;

const share = Number(process.argv[2]);
const usedMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
process.stdout.write("working\n");
const [beganMs, usedBeforeMs] = [performance.now(), usedMs()];
for (;;) {
  while (usedMs() - usedBeforeMs < share * (performance.now() - beganMs));
  await Bun.sleep(pauseMs);
}

export {};
