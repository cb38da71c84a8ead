/** Whether a backup is, byte for byte, what was written: every object of it against the hash in its manifest. */
import type { BackupManifest, PartName } from "../schemas/backup.ts";
import { findFault } from "./backups-objects.ts";

export interface CheckedPart {
  readonly name: PartName;
  readonly ok: boolean;
  /** The first fault, which names the object. */
  readonly reason?: string;
}

/** Objects read at a time: R2 answers six of a Worker's calls at once. */
const readAtOnce = 4;

/** Of the parts named, in the manifest's order. Throws what R2 throws. */
export async function checkParts(bucket: R2Bucket, { parts }: BackupManifest, names: readonly PartName[]): Promise<CheckedPart[]> {
  const checked: CheckedPart[] = [];
  for (const { name, sections } of parts) {
    if (!names.includes(name)) continue;
    const slices = sections.flatMap((section) => section.slices);
    let reason: string | undefined;
    for (let at = 0; at < slices.length && reason === undefined; at += readAtOnce) {
      const faults = await Promise.all(slices.slice(at, at + readAtOnce).map((slice) => findFault(bucket, slice)));
      reason = faults.find((fault) => fault !== undefined);
    }
    checked.push(reason === undefined ? { name, ok: true } : { name, ok: false, reason });
  }
  return checked;
}
