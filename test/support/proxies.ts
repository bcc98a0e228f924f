import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { freePorts } from "./free-port.ts";
import { forgetFolder, forgetProcess, killAtExit, removeAtExit } from "./leftovers.ts";
import { haproxy, need, nginx } from "./requirements.ts";
import { until } from "./wait.ts";

/**
 * A reverse proxy in front of a manager, on this machine alone, configured as `ops/` ships it: at `/`, at `/chat/`, and at
 * `/dumb/` without passing Upgrade on, and at `/hostless/` without passing Host on.
 */
export interface ReverseProxy extends AsyncDisposable {
  readonly url: URL;
}

export const startProxy = { nginx: startNginx, HAProxy: startHaproxy };

/** What `ops/` ships, with this manager and this port. */
function shipped(path: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  const text = readFileSync(join(projectFolder, "ops", path), "utf8");
  return changes.reduce((changed, [from, to]) => {
    if (changed.search(from) < 0) throw new Error(`ops/${path} has no ${from}`);
    return changed.replace(from, to);
  }, text);
}

async function startNginx(manager: URL): Promise<ReverseProxy> {
  return await start((port, folder) => {
    const dumb = `location /dumb/ { proxy_pass http://${manager.host}/; proxy_set_header Host $http_host; }\n`;
    const upgrade =
      "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $warren_connection;";
    const hostless = `location /hostless/ { proxy_pass http://${manager.host}/; ${upgrade} }\n`;
    const site = shipped("nginx/warren.conf", [
      [/ +server 127\.0\.0\.1:8001[^\n]*\n +server 127\.0\.0\.1:8002/, `    server ${manager.host}`],
      ["listen 80;", `listen 127.0.0.1:${port};`],
      ["    # Under a path", `    ${dumb}    ${hostless}    # Under a path`],
    ]);
    writeFileSync(join(folder, "warren-proxy.conf"), shipped("nginx/warren-proxy.conf", []));
    return nginxWith(site, folder);
  });
}

/** What starts nginx with this in its `http` block. */
function nginxWith(http: string, folder: string): string[] {
  mkdirSync(join(folder, "temp"));
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${folder}/temp/${name};`)
    .join("\n");
  writeFileSync(join(folder, "warren.conf"), http);
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 100; }
http {
${temp}
  access_log off;
  include warren.conf;
}
`,
  );
  return [need(nginx), "-p", folder, "-e", "stderr", "-c", file];
}

/** A proxy with what a document shows of its configuration, which leads `/chat/` to 127.0.0.1:8000, or to a backend of HAProxy's. */
export const startShownProxy = {
  nginx: (shown: string, manager: URL): Promise<ReverseProxy> =>
    start((port, folder) => {
      const locations = shown.replace("127.0.0.1:8000", manager.host);
      return nginxWith(`server { listen 127.0.0.1:${port}; ${locations} }`, folder);
    }, "chat/healthz"),
  HAProxy: (shown: string, manager: URL): Promise<ReverseProxy> =>
    start((port, folder) => {
      const file = join(folder, "haproxy.cfg");
      const around =
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 60s\n  timeout server 60s\n";
      const frontend = shown.replace("bind :80", `bind 127.0.0.1:${port}`);
      writeFileSync(file, `${around}${frontend}\nbackend warren\n  server one ${manager.host}\n`);
      return [need(haproxy), "-db", "-f", file];
    }, "chat/healthz"),
};

async function startHaproxy(manager: URL): Promise<ReverseProxy> {
  return await start((port, folder) => {
    const file = join(folder, "haproxy.cfg");
    const configuration = shipped("haproxy/warren.cfg", [
      ["maxconn 50000", "maxconn 100"],
      ["bind :80", `bind 127.0.0.1:${port}`],
      [/ +server manager-1[^\n]*\n +server manager-2[^\n]*\n/, `    server manager-1 ${manager.host}\n`],
      [
        "    # Under a path",
        `    http-request del-header Upgrade if { path_beg /dumb/ }
    http-request set-path "%[path,regsub(^/dumb/,/)]" if { path_beg /dumb/ }
    http-request set-header Host ${manager.host} if { path_beg /hostless/ }
    http-request set-path "%[path,regsub(^/hostless/,/)]" if { path_beg /hostless/ }
    # Under a path`,
      ],
    ]);
    writeFileSync(file, configuration);
    return [need(haproxy), "-db", "-f", file];
  });
}

/**
 * @param furnish writes what the proxy needs, and says how it is started
 * @param healthz where it leads to a manager's `/healthz`
 */
async function start(
  furnish: (port: number, folder: string) => string[],
  healthz = "healthz",
): Promise<ReverseProxy> {
  const [port] = freePorts(1) as [number];
  const folder = mkdtempSync(join(tmpdir(), "warren-proxy-"));
  removeAtExit(folder);
  const child = Bun.spawn(furnish(port, folder), { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  killAtExit(child.pid);
  const url = new URL(`http://127.0.0.1:${port}/`);
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
    forgetProcess(child.pid);
    rmSync(folder, { recursive: true, force: true });
    forgetFolder(folder);
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(await new Response(child.stderr).text());
      return await fetch(new URL(healthz, url)).then(
        ({ ok }) => ok,
        () => false,
      );
    }, "the proxy passes requests on");
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, [Symbol.asyncDispose]: stop };
}
