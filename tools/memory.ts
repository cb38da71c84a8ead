/** Where a run of tests keeps its state: in memory where there is plenty of it. Each of some thousand local databases and objects makes what it
 *  writes durable, which takes a sixth of the run's time on a disk, and none of it outlives the run. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Linux's folder in memory. */
const memory = "/dev/shm";
/** A run writes some hundred megabytes. */
const freeBytesMin = 4 * 1_073_741_824;

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

export function stateFolder(folder = memory, bytesMin = freeBytesMin): string {
  return freeBytes(folder) >= bytesMin ? folder : tmpdir();
}

/** A folder for temporary files that is gone when the work ends, however it ends. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(stateFolder(), "arbitragex-test-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
