/** What a server's processes used, from Linux's /proc: CPU in nanoseconds per thread (`stat` counts in hundredths of a second, too coarse
 *  for a window of seconds) and resident memory. A bench that needs it says so elsewhere. */
import { readFileSync, readdirSync } from "node:fs";

export interface Usage {
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly atMs: number;
}

export function usageOf(pids: readonly number[]): Usage {
  const cpuNs = pids.flatMap(threadsOf).reduce((sum, path) => sum + Number(read(path).split(" ")[0] ?? 0), 0);
  const residentKb = pids.reduce((sum, pid) => sum + Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0), 0);
  return { cpuMs: cpuNs / 1e6, residentBytes: residentKb * 1_024, atMs: performance.now() };
}

/** Direct children of a process, by name when one is given. */
export function childrenOf(parent: number, name?: string): number[] {
  if (process.platform !== "linux") throw new Error("this bench reads the server's CPU from /proc: it needs Linux");
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return pids.map(Number).filter((pid) => {
    const stat = read(`/proc/${pid}/stat`);
    // The name stands in parentheses and may hold any of them.
    const end = stat.lastIndexOf(")");
    const isNamed = name === undefined || stat.slice(stat.indexOf("(") + 1, end) === name;
    return isNamed && stat.slice(end + 2).split(" ")[1] === String(parent);
  });
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`);
  } catch {
    return [];
  }
}

/** Empty for what has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
