import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { allMetrics } from "../../build/metrics.ts";
import { shells } from "../../src/options/completion/commands.ts";
import { flagOf, variableOf } from "../../src/options/names.ts";
import { type OptionName, optionTable } from "../../src/options/table.ts";
import { executable } from "../support/executable.ts";
import { faultsInManifests } from "../support/kubernetes.ts";
import { removeAtExit } from "../support/leftovers.ts";
import { fish, man, need, promtool, strace, systemdAnalyze, zsh } from "../support/requirements.ts";
import { run } from "../support/run.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const ops = join(projectFolder, "ops");
const read = (path: string) => readFileSync(join(ops, path), "utf8");
const variables = new Set((Object.keys(optionTable) as OptionName[]).map(variableOf));

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "warren-ops-"));
  removeAtExit(path);
  return path;
}

function expectOptions(set: Iterable<readonly [variable: string, value: string]>): void {
  for (const [variable, value] of set) {
    expect(variables).toContain(variable);
    const name = (Object.keys(optionTable) as OptionName[]).find((each) => variableOf(each) === variable)!;
    expect(() => optionTable[name].kind.parse(value)).not.toThrow();
  }
}

describe("the systemd units", () => {
  const units = readdirSync(join(ops, "systemd"));
  const services = units.filter((name) => /^warren-(manager|processor)@?\.service$/.test(name));

  test("are understood by systemd", async () => {
    const copies = folder();
    const warren = join(copies, "warren");
    copyFileSync("/bin/true", warren);
    const paths = units.map((name) => {
      // A template is looked at by one of its instances.
      const path = join(copies, name.replace("@.", "@01."));
      writeFileSync(path, read(`systemd/${name}`).replace("/usr/local/bin/warren", warren));
      return path;
    });
    expect(await run([need(systemdAnalyze), "--man=no", "verify", ...paths])).toBe("");
  });

  test.each(services)("%s confines Warren so that its exposure is below 2 of 10", async (name) => {
    const analysis = run([
      need(systemdAnalyze),
      "security",
      "--offline=true",
      "--threshold=20",
      join(ops, "systemd", name),
    ]);
    expect(await analysis).toContain("Overall exposure level");
  });

  test("for one manager a core share a port, as one user, and have admin ports of their own", () => {
    const template = read("systemd/warren-manager@.service");
    expect(template).toContain("WARREN_REUSE_PORT=on");
    expect(template).toContain("WARREN_ADMIN_PORT=91%i");
    // Each unit with DynamicUser alone would be another user, to which Linux gives no share of the port.
    expect(template).toMatch(/^User=warren-manager$/m);
    const differing = (text: string) =>
      text.split("\n").filter((line) => !/^(#|Description=|Environment=|User=|$)/.test(line));
    expect(differing(template)).toEqual(differing(read("systemd/warren-manager.service")));
  });

  test("filter no system call that Warren makes", async () => {
    const counts = join(folder(), "calls");
    const command = ["-f", "-qq", "-c", "-o", counts, await executable(), "--port", "0", "--admin-port", "0"];
    const traced = Bun.spawn([need(strace), ...command], { stdout: "pipe", stderr: "ignore" });
    let said = "";
    const reading = (async () => {
      for await (const bytes of traced.stdout) said += Buffer.from(bytes).toString();
    })();
    const url = await until(() => /"url":"([^"]+)"/.exec(said)?.[1], "Warren listens");
    expect((await fetch(url)).status).toBe(200);
    const children = readFileSync(`/proc/${traced.pid}/task/${traced.pid}/children`, "utf8").trim();
    for (const child of children.split(" ")) process.kill(Number(child), "SIGTERM");
    await reading;
    await traced.exited;
    const made = readFileSync(counts, "utf8")
      .split("\n")
      .slice(2)
      .map((line) => line.trim().split(/\s+/).at(-1)!)
      .filter((name) => /^[a-z]\w+$/.test(name) && name !== "total");
    expect(made.length).toBeGreaterThan(30);
    const filtered = await Promise.all(
      ["@privileged", "@resources", "@obsolete"].map((set) =>
        run([need(systemdAnalyze), "syscall-filter", set]),
      ),
    );
    const refused = new Set(filtered.flatMap((text) => text.split("\n").map((line) => line.trim())));
    expect(refused.size).toBeGreaterThan(50);
    expect(made.filter((name) => refused.has(name))).toEqual([]);
  });

  test("set options that exist, to values that they take", () => {
    const texts = units.map((name) => read(`systemd/${name}`)).join("\n");
    const set = [...texts.matchAll(/^Environment=(.*)$/gm)].flatMap(([, line]) =>
      [...line!.matchAll(/(WARREN_\w+)=(\S+)/g)].map(
        ([, name, value]) => [name!, value!.replaceAll("%i", "01")] as const,
      ),
    );
    expect(set.length).toBeGreaterThan(3);
    expectOptions(set);
  });
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly spec?: {
    readonly template?: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly env: readonly { readonly name: string; readonly value: string }[];
          readonly ports: readonly { readonly name: string }[];
          readonly livenessProbe: { readonly httpGet: { readonly port: string } };
          readonly lifecycle?: {
            readonly preStop: { readonly exec: { readonly command: readonly string[] } };
          };
          readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
        }[];
      };
    };
  };
}

describe("the Kubernetes manifests", () => {
  const kustomization = Bun.YAML.parse(read("kubernetes/kustomization.yaml")) as { resources: string[] };
  const manifests = kustomization.resources.flatMap(
    (file) => Bun.YAML.parse(read(`kubernetes/${file}`)) as Manifest[],
  );
  const pods = manifests.flatMap(({ spec }) => spec?.template?.spec ?? []);

  test("are what Kubernetes' own description of its API allows", async () => {
    expect(manifests.map(({ kind }) => kind).toSorted()).toEqual([
      "ConfigMap",
      "Deployment",
      "Deployment",
      "NetworkPolicy",
      "NetworkPolicy",
      "PodDisruptionBudget",
      "Service",
    ]);
    const [deployment] = manifests.filter(({ kind }) => kind === "Deployment") as [Manifest];
    const metadata = { name: "a-wrong-one" };
    const wrong = { ...deployment, metadata, spec: { ...deployment.spec, replicaz: 2, replicas: "two" } };
    // What is wrong would be found, and nothing else is.
    expect((await faultsInManifests([...manifests, wrong])).split("\n")).toEqual([
      "Deployment a-wrong-one.spec.replicas: 'two' is no int",
      "Deployment a-wrong-one.spec: there is no replicaz in V1DeploymentSpec",
    ]);
  });

  test("set options that exist, to values that they take, and leave time for a graceful stop", () => {
    expect(pods.length).toBe(2);
    for (const { containers, terminationGracePeriodSeconds } of pods) {
      for (const { env, ports, livenessProbe, lifecycle } of containers) {
        expectOptions(env.map(({ name, value }) => [name, value] as const));
        expect(ports.map(({ name }) => name)).toContain(livenessProbe.httpGet.port);
        const stop = env.find(({ name }) => name === "WARREN_STOP_TIMEOUT")!.value;
        // Clients of a manager leave over a time, and a while before that no new ones are sent to it.
        const drain = env.find(({ name }) => name === "WARREN_DRAIN_TIME")?.value ?? "0";
        const [program, seconds = "0"] = lifecycle?.preStop.exec.command ?? ["sleep"];
        expect(program).toBe("sleep");
        expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(
          1000 * Number(seconds) +
            optionTable.drainTimeMs.kind.parse(drain) +
            optionTable.stopTimeoutMs.kind.parse(stop),
        );
      }
    }
  });

  test("have a handler in a ConfigMap that answers, and that the processor is told of", async () => {
    const { data = {} } = manifests.find(({ kind }) => kind === "ConfigMap")!;
    const [[file, source]] = Object.entries(data) as [[string, string]];
    const [processor] = pods.flatMap(({ containers }) =>
      containers.filter(({ args }) => args[0] === "processor"),
    );
    const mount = processor!.volumeMounts.find(({ name }) => name === "handler")!;
    const handler = processor!.env.find(({ name }) => name === "WARREN_HANDLER")!;
    expect(handler.value).toBe(`${mount.mountPath}/${file}`);
    const path = join(folder(), file);
    writeFileSync(path, source);
    const { default: handle } = (await import(path)) as { default: (message: object) => string };
    expect(handle({ text: "hello", topic: "" })).toBe("processed message: hello");
  });
});

describe("what is for Prometheus and Grafana", async () => {
  const every = Object.values(await allMetrics()).flat();
  const known = new Set(
    every.flatMap(({ name, type }) =>
      type === "histogram" ? ["_bucket", "_sum", "_count"].map((ending) => `${name}${ending}`) : [name],
    ),
  );
  const named = (text: string) => new Set(text.match(/\b(warren|process)_[a-z_]+\b/g));

  test("promtool takes the rules and the configuration", async () => {
    expect(
      await run([need(promtool), "check", "rules", join(ops, "prometheus/warren.rules.yaml")]),
    ).toContain("SUCCESS");
    expect(await run([need(promtool), "check", "config", join(ops, "prometheus/prometheus.yaml")])).toContain(
      "SUCCESS",
    );
  });

  test.each(["prometheus/warren.rules.yaml", "grafana/warren.json"])(
    "every metric that %s names exists",
    (path) => {
      const names = named(read(path));
      expect(names.size).toBeGreaterThan(10);
      expect([...names].filter((name) => !known.has(name))).toEqual([]);
    },
  );

  test("every query of the dashboard is one that Prometheus understands", async () => {
    interface Dashboard {
      readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
    }
    const { panels } = JSON.parse(read("grafana/warren.json")) as Dashboard;
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(25);
    const rules = queries.map((expr, index) => ({
      record: `query:${index}`,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*"),
    }));
    const path = join(folder(), "queries.yaml");
    writeFileSync(path, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    expect(await run([need(promtool), "check", "rules", "--lint=none", path])).toContain(
      `${queries.length} rules found`,
    );
  });
});

test("the manual page is one that man shows without a complaint, with every option", async () => {
  const page = join(folder(), "warren.1");
  writeFileSync(page, await run([await executable(), "manual"]));
  const shown = Bun.spawnSync([need(man), "--warnings", "-E", "UTF-8", "-l", page], {
    env: { ...process.env, MANWIDTH: "100", LC_ALL: "C.UTF-8" },
  });
  expect(shown.stderr.toString()).toBe("");
  const text = shown.stdout.toString();
  const said = text.replaceAll(/[‐−]/g, "-");
  for (const name of Object.keys(optionTable) as OptionName[]) expect(said).toContain(flagOf(name));
  for (const command of ["dead-letters replay", "groups remove"]) expect(said).toContain(`warren ${command}`);
});

describe("a shell that completes", () => {
  const scripts = folder();
  beforeAll(async () => {
    const warren = await executable();
    for (const shell of shells) writeFileSync(join(scripts, shell), await run([warren, "completion", shell]));
  });
  const lines = (text: string) => text.split("\n").filter(Boolean);

  test("bash knows commands, the flags of a role, and the values of a flag", async () => {
    const complete = async (...words: string[]) => {
      const asked = `source ${scripts}/bash; COMP_WORDS=(warren ${words.join(" ")}); COMP_CWORD=${words.length};
        _warren; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return lines(await run(["bash", "-c", asked]));
    };
    expect(await complete("ma")).toEqual(["manager", "manual"]);
    expect(await complete("processor", "--hand")).toEqual(["--handler", "--handler-timeout"]);
    expect(await complete("processor", "--max-cl")).toEqual([]);
    expect(await complete("manager", "--auth", "j")).toEqual(["jwt"]);
    expect(await complete("completion", "z")).toEqual(["zsh"]);
    expect(await complete("dead-letters", "re")).toEqual(["replay"]);
    expect(await complete("dead-letters", "replay", "--g")).toEqual(["--group"]);
    expect(await complete("groups", "remove", "--max-cl")).toEqual([]);
    expect(await complete("groups", "remove", "--ab")).toEqual(["--abandoned"]);
    expect(await complete("dead-letters", "purge", "--older-than", "")).toEqual([]);
  });

  test("fish does, too", () => {
    const complete = (line: string) => {
      const asked = `source ${scripts}/fish; complete -C '${line}'`;
      const home = { HOME: scripts, XDG_CONFIG_HOME: scripts, XDG_DATA_HOME: scripts };
      const { stdout } = Bun.spawnSync([need(fish), "--no-config", "-c", asked], {
        env: { ...process.env, ...home },
      });
      return lines(stdout.toString()).map((each) => each.split("\t")[0]);
    };
    expect(complete("warren ma")).toEqual(["manager", "manual"]);
    expect(complete("warren processor --handler-t")).toEqual(["--handler-timeout"]);
    expect(complete("warren manager --auth j")).toEqual(["jwt"]);
    expect(complete("warren processor --max-cl")).toEqual([]);
    expect(complete("warren dead-letters re")).toEqual(["replay"]);
    expect(complete("warren dead-letters replay --g")).toEqual(["--group"]);
    expect(complete("warren groups remove --ab")).toEqual(["--abandoned"]);
  });

  test("zsh does, too, in a terminal", async () => {
    const completed = join(scripts, "completed");
    // Each line is completed by Tab, written down by Ctrl-G, and cleared by Ctrl-U.
    const lines = ["warren proc", "warren processor --handler-t", "warren manager --auth j"];
    lines.push("warren dead-letters re", "warren dead-letters replay --grou", "warren groups remove --ab");
    lines.push("warren processor --max-cl");
    const setUp = `autoload -Uz compinit; compinit -u -D; source ${scripts}/zsh; bindkey '^I' complete-word
      note() { print -r -- "$BUFFER" >> ${completed} }; zle -N note; bindkey '^G' note; print -r -- ready > ${completed}`;
    writeFileSync(join(scripts, "set-up"), setUp);
    const typed = lines.map((line) => `zpty -w -n pty $'${line}\\t\\x07\\x15'`).join("\n");
    const script = `zmodload zsh/zpty; export TERM=dumb; zpty -b pty ${need(zsh)} -f -i
      zpty -w pty 'source ${scripts}/set-up'
      until [[ -s ${completed} ]]; do sleep 0.05; done
      ${typed}
      until (( $(wc -l < ${completed}) > ${lines.length} )); do sleep 0.05; zpty -r pty said || true; done
      zpty -d pty`;
    await run([need(zsh), "-f", "-c", script]);
    expect(
      readFileSync(completed, "utf8")
        .split("\n")
        .map((line) => line.trimEnd()),
    ).toEqual([
      "ready",
      "warren processor",
      "warren processor --handler-timeout",
      "warren manager --auth jwt",
      "warren dead-letters replay",
      "warren dead-letters replay --group",
      "warren groups remove --abandoned",
      // Processors have no such flag.
      "warren processor --max-cl",
      "",
    ]);
  });
});
