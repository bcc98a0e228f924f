import { describe, expect, test } from "bun:test";
import { envelopeOf, RecordingPublisher } from "../../contract/recorders.ts";
import { until } from "../../support/wait.ts";
import { RecordingLink } from "../doubles/recording-link.ts";

/** A publisher that is about to publish two envelopes on a link, of which the first one is confirmed. */
async function halfConfirmed() {
  const [publisher, first, second] = [new RecordingPublisher(), new RecordingLink(), new RecordingLink()];
  let isPublished = false;
  publisher.opened(first);
  const published = publisher.publish(envelopeOf("one"), envelopeOf("two")).then(() => {
    isPublished = true;
  });
  await until(() => first.envelopes.length === 2, "both envelopes on the first link");
  publisher.confirmed(1, false);
  return { publisher, first, second, published, isPublished: () => isPublished };
}

describe("a publisher that records confirms", () => {
  test("has published when all of it is confirmed", async () => {
    const { publisher, first, published } = await halfConfirmed();
    publisher.confirmed(2, false);
    await published;
    expect(first.bodies.map(String)).toEqual(["one", "two"]);
  });

  test("sends what went with a link again, and has not published it before it is confirmed on the next", async () => {
    const { publisher, second, published, isPublished } = await halfConfirmed();
    publisher.closed();
    publisher.opened(second);
    await until(() => second.envelopes.length === 2, "both envelopes on the second link");
    expect(second.bodies.map(String)).toEqual(["one", "two"]);
    expect(isPublished()).toBe(false);
    publisher.confirmed(2, true);
    await published;
  });

  test("has published what is confirmed, although the link is lost a moment later", async () => {
    const { publisher, second, published } = await halfConfirmed();
    publisher.confirmed(2, true);
    publisher.closed();
    publisher.opened(second);
    await published;
    expect(second.envelopes).toEqual([]);
  });
});
