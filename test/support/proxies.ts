import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./free-port.ts";
import { forgetFolder, forgetProcess, killAtExit, removeAtExit } from "./leftovers.ts";
import { haproxy, need, nginx } from "./requirements.ts";
import { until } from "./wait.ts";

/**
 * A reverse proxy in front of a manager, on this machine alone: at `/` and at `/chat/` as docs/operations.md says, at
 * `/dumb/` without passing Upgrade on.
 */
export interface ReverseProxy extends AsyncDisposable {
  readonly url: URL;
}

export const startProxy = { nginx: startNginx, HAProxy: startHaproxy };

async function startNginx(manager: URL): Promise<ReverseProxy> {
  return await start((port, folder) => {
    mkdirSync(join(folder, "temp"));
    const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `  ${name}_temp_path ${folder}/temp/${name};`)
      .join("\n");
    const passing = [
      "proxy_http_version 1.1;",
      "proxy_set_header Host $http_host;",
      "proxy_set_header Upgrade $http_upgrade;",
      'proxy_set_header Connection "upgrade";',
      "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
      "proxy_set_header X-Forwarded-Proto $scheme;",
    ].join(" ");
    const file = join(folder, "nginx.conf");
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 100; }
http {
${temp}
  access_log off;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://${manager.host}; ${passing} }
    location /chat/ { proxy_pass http://${manager.host}/; ${passing} }
    location /dumb/ { proxy_pass http://${manager.host}/; proxy_set_header Host $http_host; }
  }
}
`,
    );
    return [need(nginx), "-p", folder, "-e", "stderr", "-c", file];
  });
}

async function startHaproxy(manager: URL): Promise<ReverseProxy> {
  return await start((port, folder) => {
    const file = join(folder, "haproxy.cfg");
    writeFileSync(
      file,
      `global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend web
    bind 127.0.0.1:${port}
    http-request del-header Upgrade if { path_beg /dumb/ }
    http-request set-path "%[path,regsub(^/dumb/,/)]" if { path_beg /dumb/ }
    http-request set-path "%[path,regsub(^/chat/,/)]" if { path_beg /chat/ }
    http-request set-header X-Forwarded-Proto http
    option forwardfor
    default_backend warren
backend warren
    server manager ${manager.host}
`,
    );
    return [need(haproxy), "-db", "-f", file];
  });
}

/** @param furnish writes what the proxy needs, and says how it is started */
async function start(furnish: (port: number, folder: string) => string[]): Promise<ReverseProxy> {
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
      return await fetch(new URL("healthz", url)).then(
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
