import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Refused } from "../../../../src/gateway/guards/refusals.ts";
import { Admission, type AdmissionOptions } from "../../../../src/gateway/limits/admission.ts";

let nowMs = 0;
const realNow = performance.now.bind(performance);
beforeEach(() => {
  nowMs = 0;
  performance.now = () => nowMs;
});
afterEach(() => {
  performance.now = realNow;
});

const anyNumber: AdmissionOptions = {
  maxClients: undefined,
  maxClientsPerAddress: 0,
  maxConnectionsPerSecond: 0,
  trustProxy: undefined,
};

function doorOf(options: Partial<AdmissionOptions>) {
  const admission = new Admission({ ...anyNumber, ...options });
  const admit = (address = "203.0.113.7", forwardedFor: string | null = null) => {
    const headers = new Headers(forwardedFor === null ? {} : { "x-forwarded-for": forwardedFor });
    const server = { requestIP: () => ({ address, port: 4711, family: "IPv4" as const }) };
    const answer = admission.takeSeat(new Request("http://localhost/ws", { headers }), server);
    return answer instanceof Refused ? answer.name : { leave: () => admission.giveBackSeat(answer) };
  };
  return admit;
}

/** Lets somebody in who has to be let in. */
function letIn(answer: ReturnType<ReturnType<typeof doorOf>>) {
  if (typeof answer === "string") throw new Error(`refused: ${answer}`);
  return answer;
}

describe("admission", () => {
  test("ends with as many clients as there may be, and goes on when one has left", () => {
    const admit = doorOf({ maxClients: 2 });
    const first = letIn(admit());
    letIn(admit());
    expect(admit()).toBe("tooManyClients");
    first.leave();
    letIn(admit());
    expect(admit()).toBe("tooManyClients");
  });

  test("keeps three quarters of the seats for those that have shown a token", () => {
    const admission = new Admission({ ...anyNumber, maxClients: 8 });
    const take = (isWithoutToken: boolean) => {
      const server = { requestIP: () => ({ address: "203.0.113.7", port: 1, family: "IPv4" as const }) };
      const seat = admission.takeSeat(new Request("http://localhost/ws"), server, isWithoutToken);
      return seat instanceof Refused ? seat.name : seat;
    };
    const [first, second] = [take(true), take(true)];
    expect(take(true)).toBe("tooManyWithoutToken");
    if (typeof first === "string" || typeof second === "string") throw new Error("there were seats");
    admission.showed(first);
    admission.showed(first);
    expect(take(true)).toBeObject();
    expect(take(true)).toBe("tooManyWithoutToken");
    admission.giveBackSeat(first);
    expect(take(true)).toBe("tooManyWithoutToken");
    admission.giveBackSeat(second);
    expect(take(true)).toBeObject();
    for (let taken = 2; taken < 8; taken++) expect(take(false)).toBeObject();
    expect([take(false), take(true)]).toEqual(["tooManyClients", "tooManyClients"]);
  });

  test("counts each address by itself, if at all", () => {
    const admit = doorOf({ maxClientsPerAddress: 1 });
    const first = letIn(admit("203.0.113.1"));
    letIn(admit("203.0.113.2"));
    letIn(admit("2001:db8::1"));
    expect(admit("203.0.113.1")).toBe("tooManyFromAddress");
    expect(admit("2001:db8::2")).toBe("tooManyFromAddress");
    first.leave();
    letIn(admit("203.0.113.1"));
    const unlimited = doorOf({});
    for (let i = 0; i < 1000; i++) letIn(unlimited());
  });

  test("counts the clients of a trusted proxy by their own addresses", () => {
    const admit = doorOf({ maxClientsPerAddress: 1, trustProxy: ["10.0.0.0/8"] });
    letIn(admit("10.0.0.1", "203.0.113.1"));
    letIn(admit("10.0.0.1", "203.0.113.2"));
    expect(admit("10.0.0.1", "203.0.113.1")).toBe("tooManyFromAddress");
    letIn(admit("198.51.100.1", "203.0.113.1"));
    expect(admit("198.51.100.1", "203.0.113.9")).toBe("tooManyFromAddress");
  });

  test("lets a second's worth in at once, and then so many a second", () => {
    const admit = doorOf({ maxConnectionsPerSecond: 10 });
    for (let i = 0; i < 10; i++) letIn(admit());
    expect(admit()).toBe("tooManyAtOnce");
    nowMs += 100;
    letIn(admit());
    expect(admit()).toBe("tooManyAtOnce");
    nowMs += 60_000;
    for (let i = 0; i < 10; i++) letIn(admit());
    expect(admit()).toBe("tooManyAtOnce");
  });

  test("takes nothing from the others for those that are refused", () => {
    const admit = doorOf({ maxClientsPerAddress: 1, maxConnectionsPerSecond: 10 });
    letIn(admit("203.0.113.1"));
    for (let i = 0; i < 100; i++) expect(admit("203.0.113.1")).toBe("tooManyFromAddress");
    for (let i = 2; i < 11; i++) letIn(admit(`203.0.113.${i}`));
    expect(admit("203.0.113.11")).toBe("tooManyAtOnce");
  });

  test("has room for as many clients as there may be open files, unless it is told otherwise", () => {
    const [told] = new Admission({ ...anyNumber, maxClients: 7 }).metrics;
    const [untold] = new Admission(anyNumber).metrics;
    expect(told!.read()).toBe(7);
    expect(untold!.read()).toBeGreaterThan(500);
  });
});
