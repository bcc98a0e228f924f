import { atLeast, atMost, type Goal, type Medians, ratio } from "./goals.ts";

/** Goals for events, presence, the control API, and clients without WebSocket. */
export function steeringGoals(of: Medians): Goal[] {
  const connecting = (measure: string) => ratio(of(measure, "warren"), of(measure, "without events"));
  const nearly = 1.03;
  return [
    atMost("presence of 10,000: the first snapshot", 100, "ms", of("presence-first", "warren")),
    atMost("a join reaches 300 members that watch: p99", 250, "ms", of("presence-join", "warren")),
    atMost("a join reaches all 10,000: p99", 250, "ms", of("presence-join-all", "warren")),
    atMost("500 changes a second: the busiest manager", 20, "% of a core", of("presence-churn", "warren")),
    atMost("DELETE of a client on another manager: p99", 50, "ms", of("delete", "warren")),
    atMost("5,000 clients of a killed manager are told of", 30, "s", of("killed", "warren")),
    atMost("the same: events too many or too few", 0, "", of("killed-count", "warren")),
    atMost("connecting, events ÷ none: CPU time", nearly, "×", connecting("connecting-cpu")),
    atMost("connecting, events ÷ none: by the clock", nearly, "×", connecting("connecting-wall")),
    atMost("connecting evenly, events ÷ none: CPU time", nearly, "×", connecting("connecting-even-cpu")),
    atLeast("server-sent events to 1,000, warren ÷ nchan", 1, ratio(of("sse", "warren"), of("sse", "nchan"))),
    atLeast(
      "server-sent events to 1,000 ÷ STOMP live",
      0.1,
      ratio(of("sse", "warren"), of("sse", "warren STOMP")),
    ),
  ];
}
