import { expect, test } from "bun:test";
import { Tracing } from "../../../src/ops/tracing.ts";
import { spanAfter } from "../../../src/trace-context.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

const counted = (tracing: Tracing) =>
  tracing.metrics.map((metric) => ("read" in metric ? metric.read() : undefined));

test("while the collector is away, spans are dropped and counted, one line is logged, and nothing waits", async () => {
  let status = 503;
  using collector = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", { status }) });
  const logger = new RecordingLogger();
  const tracing = new Tracing(collector.url.href, "warren-all", logger);
  const finish = (count: number) => {
    for (let span = 0; span < count; span++)
      tracing.begin("work", "internal", spanAfter(undefined), undefined, {}).end();
  };
  finish(3);
  await tracing.close();
  finish(2);
  await tracing.close();
  expect(counted(tracing)).toEqual([0, 5]);
  expect(logger.lines.map(({ fields }) => fields)).toEqual([{ reason: "it answers 503" }]);
  status = 200;
  finish(1);
  await tracing.close();
  expect(counted(tracing)).toEqual([1, 5]);
});

test("no more spans are kept than may wait", async () => {
  using collector = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const tracing = new Tracing(collector.url.href, "warren-all", new RecordingLogger());
  for (let span = 0; span < 3000; span++)
    tracing.begin("work", "internal", spanAfter(undefined), undefined, {}).end();
  expect(counted(tracing)).toEqual([0, 3000 - 2048]);
  await tracing.close();
  // One batch goes at the end, and the rest is given up.
  expect(counted(tracing)).toEqual([512, 3000 - 512]);
});
