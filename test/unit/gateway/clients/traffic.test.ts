import { expect, test } from "bun:test";
import { Seat } from "../../../../src/gateway/clients/seat.ts";
import { Traffic } from "../../../../src/gateway/clients/traffic.ts";

const byName = (traffic: Traffic, name: string) => {
  const metric = traffic.metrics.find((each) => each.name === name)!;
  return "readEach" in metric ? Object.fromEntries(metric.readEach()) : {};
};

test("connections that ended are counted by code, and those with a client's own code together", () => {
  const traffic = new Traffic(() => 0);
  for (const code of [1001, 1001, 4429, 3999, 4998, 1005]) traffic.closed(code, new Seat(undefined));
  expect(byName(traffic, "warren_closed_total")).toMatchObject({ 1001: 2, 4429: 1, 4408: 0, other: 3 });
});

test("a client that was disconnected for slow reading is counted apart from a lost network, though both have code 1006", () => {
  const traffic = new Traffic(() => 0);
  const seated = (endedBy: Seat["endedBy"]) => Object.assign(new Seat(undefined), { endedBy });
  expect(traffic.closed(1006, seated(undefined))).toBe("lost");
  expect(traffic.closed(1006, seated("slow"))).toBe("slow");
  expect(traffic.closed(1006, seated("vanished"))).toBe("vanished");
  expect(traffic.closed(4507, seated("memory"))).toBe("memory");
  expect(traffic.closed(1001, seated(undefined))).toBe("client");
  traffic.isStopping = true;
  expect(traffic.closed(1001, seated(undefined))).toBe("stopping");
  expect(traffic.closed(4999, seated(undefined))).toBe("other");
  expect(byName(traffic, "warren_disconnects_total")).toMatchObject({ lost: 1, slow: 1, stopping: 1 });
});
