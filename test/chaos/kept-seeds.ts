/** A run that has found a fault. `bun run test:chaos --kept` plays all of these first. */
export interface KeptSeed {
  readonly seed: number;
  /** In seconds. */
  readonly duration: number;
  /** The faults, as `--only` has them. All, if empty. */
  readonly only: readonly string[];
  readonly found: string;
}

export const keptSeeds: readonly KeptSeed[] = [
  {
    seed: 2,
    duration: 60,
    only: [],
    found:
      "answers of one client change places after deaths and a lost RabbitMQ in a backlog, and come twice from a manager started since",
  },
  {
    seed: 4001,
    duration: 60,
    only: [],
    found:
      "setting up a link took more than the ten seconds that it had in all, and keys at the start were read for ever from a log that had begun anew. Once, on a busy machine, nothing came through the test's proxy any more: it is not known why, so the proxy says when it last accepted",
  },
  {
    seed: 12,
    duration: 60,
    only: [],
    found:
      "what senders with a line of their own had said was given to everybody twice, since followers did not take its ids for Warren's; live clients of a manager that had just started got what was repeated in the log; and the judge took a later copy in a new log for a change of order",
  },
  {
    seed: 5,
    duration: 30,
    only: ["log deleted"],
    found: "what was behind a deleted log comes before what it followed, and once more after it",
  },
  {
    seed: 11,
    duration: 60,
    only: ["log deleted", "manager", "other group's queue", "dead letters", "exchange"],
    found: "a new log was read by the old one's places before the manager knew of it",
  },
  {
    seed: 11,
    duration: 60,
    only: [],
    found:
      "a log deleted just before RabbitMQ was killed: a manager waited for its place in the new log, which had not got as far, and began the wait anew with each connection",
  },
  {
    seed: 6105,
    duration: 60,
    only: [],
    found:
      "a live client that came while records of the log waited for their turn got some of them, without those between that nobody had wanted before",
  },
  {
    seed: 7103,
    duration: 60,
    only: [],
    found:
      "RabbitMQ 3.10 ended the dead-letter workers of all queues, as a group's queue was deleted while it was being opened: every group's queue stayed down, and /readyz said that one was full, or down",
  },
];
