import { expect, test } from "bun:test";
import { figuresText, speedText } from "../../../build/figures.ts";
import { type Run, recordedWith } from "../../bench/report/record.ts";

const results = {
  finishedAt: "2026-11-26T14:00:00.000Z",
  rounds: 3,
  machine: { processor: "Some CPU", cores: 2 },
  versions: { bun: "1.4.5", rabbitmq: "3.10.8" },
  measures: [
    {
      name: "fan-out",
      series: [
        { contender: "raw", samples: [4000, 4020, 3990] },
        { contender: "warren", samples: [3950, 3990, 4100] },
        { contender: "naive", samples: [] },
      ],
    },
  ],
} satisfies Run;

test("the README shows the medians of a recorded run, with the command that prints them and the machine", () => {
  const text = figuresText(recordedWith({}, results));
  expect(text).toContain(
    "**3,990,000/s** | a bare Bun.serve without RabbitMQ: 4,000,000/s | `bun run bench --only fan-out` |",
  );
  expect(text).toContain(
    "Medians of 3 rounds on 2026-11-26: 2 cores of Some CPU, RabbitMQ 3.10.8, Bun 1.4.5, for servers, RabbitMQ and clients together.",
  );
});

test("the README's first words about speed are those of a recorded run, or none", () => {
  expect(speedText(recordedWith({}, results))).toBe(
    ": 3,990,000/s to 1,000 clients, where a bare Bun.serve without RabbitMQ makes 4,000,000/s",
  );
  expect(speedText({})).toBe("");
});

test("a round in which one of them failed is not counted", () => {
  const [relay] = results.measures;
  const series = relay!.series.map((one) =>
    one.contender === "warren" ? { ...one, samples: [3950, 4100] } : one,
  );
  const text = figuresText(recordedWith({}, { ...results, measures: [{ ...relay!, series }] }));
  expect(text).toContain("Medians of 2 rounds on 2026-11-26");
});

test("as long as no relay was recorded, the README says what a delivery costs", () => {
  const receivers = {
    name: "receivers",
    series: [
      { contender: "raw to 10,000", samples: [7.6, 7.7, 7.9] },
      { contender: "warren to 10", samples: [30] },
      { contender: "warren to 10,000", samples: [8.1, 8.4, 8.3] },
    ],
  };
  const figures = recordedWith({}, { ...results, measures: [receivers] });
  expect(speedText(figures)).toBe(
    ": handing a message to a client takes 8.3 µs of CPU, where a bare Bun.serve takes 7.7 µs",
  );
  expect(figuresText(figures)).toContain("**8.3 µs** | a bare Bun.serve without RabbitMQ: 7.7 µs |");
  const rawAlone = { ...receivers, series: receivers.series.slice(0, 1) };
  expect(figuresText(recordedWith({}, { ...results, measures: [rawAlone] }))).not.toContain("receivers");
});

test("a run of a part leaves what was recorded of the others", () => {
  const start = { day: "2026-11-25", rounds: 1, on: "another machine", medians: { warren: 61 } };
  const text = figuresText(recordedWith({ start }, results));
  expect(text).toContain("**61 ms**");
  expect(text).toContain("- `start`: One round on 2026-11-25: another machine");
  expect(text).toContain("- `fan-out`: Medians of 3 rounds on 2026-11-26");
  expect(text).toContain("**3,990,000/s**");
});

test("what failed for Warren has no line, and takes no place of what was recorded before", () => {
  const failed = {
    ...results,
    measures: [{ name: "start", series: [{ contender: "warren", samples: [] }] }],
  };
  const start = { day: "2026-11-25", rounds: 1, on: "another machine", medians: { warren: 61 } };
  expect(figuresText(recordedWith({ start }, failed))).toContain("**61 ms**");
  const rawAlone = [{ name: "idle", series: [{ contender: "raw", samples: [900] }] }];
  expect(figuresText(recordedWith({ start }, { ...results, measures: rawAlone }))).not.toContain("idle");
});

test("without one it says so, and shows no figure", () => {
  expect(figuresText({})).not.toMatch(/\d/);
});
