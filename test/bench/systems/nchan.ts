import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../support/free-port.ts";
import { forgetFolder, forgetProcess, killAtExit, removeAtExit } from "../../support/leftovers.ts";
import { need, nginx } from "../../support/requirements.ts";
import { until } from "../../support/wait.ts";
import { NotHere } from "./contender.ts";

const module = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** nginx with nchan: `/sub` is an EventSource of one channel, and `/pub` a WebSocket that publishes there. What came last is kept in memory. */
export async function startNchan() {
  if (!existsSync(module)) throw new NotHere("nchan is not installed (Debian: libnginx-mod-nchan)");
  const [port] = freePorts(1) as [number];
  const folder = mkdtempSync(join(tmpdir(), "warren-nchan-"));
  removeAtExit(folder);
  mkdirSync(join(folder, "temp"));
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${folder}/temp/${name};`)
    .join("\n");
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `load_module ${module};
daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;
worker_rlimit_nofile 20000;
events { worker_connections 10000; }
http {
${temp}
  access_log off;
  server {
    listen 127.0.0.1:${port};
    location = /sub { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message newest; }
    location = /pub { nchan_publisher websocket; nchan_channel_id bench; nchan_message_buffer_length 1000; }
    location = /healthz { return 200; }
  }
}
`,
  );
  const child = Bun.spawn([need(nginx), "-p", folder, "-e", "stderr", "-c", file], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  killAtExit(child.pid);
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
    forgetProcess(child.pid);
    rmSync(folder, { recursive: true, force: true });
    forgetFolder(folder);
  };
  const url = new URL(`http://127.0.0.1:${port}/`);
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(await new Response(child.stderr).text());
      return (await fetch(new URL("healthz", url))).ok;
    }, "nchan answers");
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: child.pid, stop };
}
