import { describe, expect, test } from "bun:test";
import { stompCorpus } from "../../../corpus/stomp.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";
import { stompInput } from "../../../support/stomp-fuzz.ts";
import { expectOrderlySession, expectSameInPieces } from "../../../support/stomp-fuzz-run.ts";
import { StompSide } from "../../../support/stomp-session.ts";
import { rounds, seed } from "../../doubles/rounds.ts";

/** The hundred thousand are among the integration tests. */
const inputs = rounds(1500).numRuns;

describe("any bytes, cut anywhere", () => {
  for (const [what, text] of Object.entries(stompCorpus)) {
    test(`such as ${what}, are frames or an ERROR, and throw nothing`, () => {
      const input = Buffer.from(text, "latin1");
      const side = new StompSide(4096);
      for (let round = 0; round < 10; round++) {
        const random = new SeededRandom(seed + round);
        expectSameInPieces(input, random);
        expectOrderlySession(side, input, random);
      }
    });
  }

  test("are frames or an ERROR, and throw nothing", () => {
    const random = new SeededRandom(seed);
    const side = new StompSide(4096);
    const ends = { "went on": 0, ended: 0 };
    for (let count = 0; count < inputs; count++) {
      const input = stompInput(random);
      expectSameInPieces(input, random);
      ends[expectOrderlySession(side, input, random)]++;
    }
    // Both ends are met, or the inputs would be of no use.
    expect(ends["went on"]).toBeGreaterThan(inputs / 10);
    expect(ends.ended).toBeGreaterThan(inputs / 10);
    expect(side.taken.length).toBeGreaterThan(inputs / 10);
  });
});
