/** Files of this machine, read and written so that nothing half-done stays. */
import { createHash, randomUUID } from "node:crypto";
import { openAsBlob } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { World } from "../cli.ts";
import { CliError, messageOf } from "../errors.ts";

/** Read again each time it is asked for, never held whole. */
export async function fileBlob({ cwd }: Pick<World, "cwd">, file: string): Promise<Blob> {
  try {
    return await openAsBlob(resolve(cwd, file));
  } catch (error) {
    throw new CliError("usage", `${file} cannot be read: ${messageOf(error)}`, { code: "UNREADABLE" });
  }
}

export async function digestOf(blob: Blob, encoding: "base64" | "hex"): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of blob.stream()) hash.update(chunk);
  return hash.digest(encoding);
}

interface Destination {
  /** "-" is stdout. */
  readonly to: string;
  readonly sha256: string | undefined;
}

/** Under another name until it is whole and right. Returns how many bytes came. */
export async function download(
  world: Pick<World, "cwd" | "stdout">,
  body: AsyncIterable<Uint8Array>,
  { to, sha256 }: Destination,
): Promise<number> {
  const target = resolve(world.cwd, to);
  const part = `${target}.${randomUUID().slice(0, 8)}.part`;
  const hash = createHash("sha256");
  let bytes = 0;
  const file = to === "-" ? undefined : await open(part, "wx");
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      if (file === undefined) await world.stdout.write(chunk);
      else await file.write(chunk);
    }
    const got = hash.digest("hex");
    if (sha256 !== undefined && got !== sha256)
      throw new CliError("failed", `what came has the hash ${got}, not ${sha256}`, { code: "ASSET_DAMAGED" });
    await file?.close();
    if (file !== undefined) await rename(part, target);
  } catch (error) {
    await file?.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  }
  return bytes;
}
