import { expect, test } from "bun:test";
import { listenFault } from "../../../src/ops/listen-fault.ts";

function failWith(code: string): Error {
  return Object.assign(new Error(code), { code });
}

test("a name that cannot be looked up is not said to be a port in use", () => {
  let fault: unknown;
  try {
    void Bun.serve({ hostname: "nosuch.invalid", port: 0, fetch: () => new Response() }).stop(true);
  } catch (error) {
    fault = error;
  }
  expect(listenFault(fault, "nosuch.invalid", 0).message).toContain("the name nosuch.invalid has no address");
});

test("whichever code Bun gives it, and whichever flag it comes from", () => {
  const flags = { host: "--admin-host", port: "--admin-port" };
  for (const code of ["EADDRINUSE", "EINVAL", "EBADF", "ENOENT", "EACCES"])
    expect(listenFault(failWith(code), "localhost.", 8000, flags).message).toBe(
      "cannot listen on localhost.:8000: the name localhost. has no address, or the port is in use; correct --admin-host or --admin-port",
    );
});

test("a name on a port that only root may have is not said to have no address", () => {
  expect(listenFault(failWith("EACCES"), "example.test", 80).message).toContain("choose one above 1023");
});

test("an address has no name to look up: its port is in use", () => {
  for (const host of ["127.0.0.1", "::1", "[::1]", "localhost"])
    expect(listenFault(failWith("EADDRINUSE"), host, 80).message).toContain("is in use: stop what uses it");
});
