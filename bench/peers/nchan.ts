/** nginx with nchan, where Debian's packages `nginx` and `libnginx-mod-nchan` are installed. Its unit is the message, so events are posted
 *  to it one by one. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { childrenOf } from "../load/process.ts";
import { host, jsonHeaders, type Server } from "./server.ts";

const modulePath = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const program = "/usr/sbin/nginx";

export function hasNchan(): boolean {
  return existsSync(modulePath) && existsSync(program);
}

export async function startNchan(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "arbx-nchan-"));
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  writeFileSync(config, configOf(folder, port));
  const child = spawn(program, ["-p", folder, "-c", config, "-e", join(folder, "error.log")], { stdio: ["ignore", "ignore", "inherit"] });
  // A bench that is broken off ends its runtimes, but would leave this behind.
  process.once("exit", () => {
    child.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  });
  await answering(port, child);
  const { pid } = child;
  if (pid === undefined) throw new Error("nginx did not start");
  return {
    host,
    port,
    pids: [pid, ...childrenOf(pid)],
    post: { path: "/publish", headers: jsonHeaders, takesArrays: false },
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** One worker, as the others have one thread; messages are not kept, which costs it least. */
function configOf(folder: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${join(folder, name)};`);
  // Only root may say so, and only root needs it: its worker has to read the folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `load_module ${modulePath};
${user}
daemon off;
worker_processes 1;
pid ${join(folder, "nginx.pid")};
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary.join(" ")}
  keepalive_requests 1000000;
  server {
    listen ${host}:${port};
    location = /publish { nchan_publisher; nchan_channel_id bench; nchan_store_messages off; }
    location = /subscribe { nchan_subscriber websocket; nchan_channel_id bench; nchan_subscriber_first_message newest; }
  }
}
`;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function answering(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 50 && child.exitCode === null; attempt++) {
    try {
      await fetch(`http://${host}:${port}/`);
      return;
    } catch {
      await sleep(100);
    }
  }
  throw new Error("nginx did not start");
}
