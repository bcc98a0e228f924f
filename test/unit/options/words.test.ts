import { describe, expect, test } from "bun:test";
import { parseCommand } from "../../../src/options/parse.ts";
import { optionsOf, refusalOf } from "./parsing.ts";

describe("a flag that there is not", () => {
  test.each([
    ["--brokr", "--broker"],
    ["--prot", "--port"],
    ["--loglevel", "--log-level"],
    ["--log_format", "--log-format"],
    ["--handlers", "--handler"],
    ["--hepl", "--help"],
    ["--versoin", "--version"],
  ])("%s is refused with the suggestion of %s", (given, meant) => {
    expect(refusalOf(`${given}=x`)).toBe(`unknown flag ${given} (did you mean ${meant}?); see warren --help`);
  });

  test.each(["--nothing-like-it", "--constructor", "--__proto__", "--toString", "-x"])(
    "%s is refused without one",
    (given) => {
      expect(refusalOf(given)).toBe(`unknown flag ${given}; see warren --help`);
    },
  );

  test("of an earlier version is refused with what became of it", () => {
    expect(refusalOf("--role manager --packed")).toInclude(
      "--packed is gone: Warren's roles always speak packed",
    );
    const command = parseCommand([], { WARREN_PACKED: "on" });
    expect(command.do === "run" ? command.warnings : []).toEqual([
      expect.stringContaining("WARREN_PACKED is gone: Warren's roles always speak packed"),
    ]);
  });

  test("is refused though the environment is in order", () => {
    expect(refusalOf("--bogus-flag 1", { WARREN_PORT: "9000" })).toInclude("unknown flag --bogus-flag");
  });
});

const whatIsUnderstood =
  "options start with --, and a command (all, manager, processor, bench, dead-letters, groups, completion, manual, help, version) comes first; see warren --help";

test.each(["start", "8000", "-- manager", "--json off", "--port 1 manager"])(
  "a word that belongs to no flag is refused: %s",
  (line) => {
    const word = line.split(" ").at(-1);
    expect(refusalOf(line)).toBe(`"${word}" is not understood: ${whatIsUnderstood}`);
  },
);

test.each([
  ["grops list", "grops", "groups"],
  ["manger --port 1", "manger", "manager"],
  ["deadletters", "deadletters", "dead-letters"],
  ["complete bash", "complete", undefined],
])("a command that there is not is refused with the one that is near: %s", (line, word, meant) => {
  const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  expect(refusalOf(line)).toBe(`"${word}" is not understood${hint}: ${whatIsUnderstood}`);
});

describe("a command", () => {
  test.each(["all", "manager", "processor", "bench"])("%s is the same as that role", (role) => {
    expect(optionsOf(`${role} --log-level debug`)).toEqual(optionsOf(`--role ${role} --log-level debug`));
  });

  test("that is a role goes with no other --role", () => {
    expect(refusalOf("bench --role manager")).toBe("--role is given twice: keep one of them");
  });

  test.each(["help", "version"] as const)("%s is the same as --%s", (word) => {
    expect(parseCommand([word], {})).toEqual({ do: word });
  });

  test.each(["dead-letters", "groups"])("%s has arguments of its own", (word) => {
    expect(parseCommand([word, "list", "--json"], {}) as unknown).toEqual({
      do: word,
      args: ["list", "--json"],
    });
  });
});

describe("a variable that begins with WARREN_ and is no option", () => {
  const warningsOf = (env: Record<string, string>) => {
    const command = parseCommand([], env);
    return command.do === "run" ? command.warnings : [];
  };

  test("is warned of, with the nearest that is", () => {
    expect(warningsOf({ WARREN_BROCKER: "amqp://a", WARREN_COLOUR: "red", WARREN_PORT: "0" })).toEqual([
      "the environment variable WARREN_BROCKER means nothing to Warren: did you mean WARREN_BROKER?",
      "the environment variable WARREN_COLOUR means nothing to Warren",
    ]);
  });

  test("is not warned of where Kubernetes sets it for a service that is called warren", () => {
    expect(
      warningsOf({
        WARREN_SERVICE_HOST: "10.0.0.1",
        WARREN_SERVICE_PORT: "8000",
        WARREN_SERVICE_PORT_HTTP: "8000",
        WARREN_PORT_8000_TCP: "tcp://10.0.0.1:8000",
        WARREN_PORT_8000_TCP_ADDR: "10.0.0.1",
      }),
    ).toEqual([]);
  });
});

describe("help and version", () => {
  test.each(["--help", "-h"])("%s is help, whatever comes with it before or after", (flag) => {
    expect(parseCommand([flag], {})).toEqual({ do: "help" });
    expect(parseCommand(["--port", "1", flag, "--bogus"], { WARREN_PORT: "bad" })).toEqual({ do: "help" });
  });

  test.each(["--version", "-v"])("%s is the version", (flag) => {
    expect(parseCommand([flag], {})).toEqual({ do: "version" });
  });
});
