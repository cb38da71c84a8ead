/** What a backup takes of a store, and what is too much for it: refused as a whole, never cut. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { backupKeysMax, backupSliceReadBytesMax, backupTablesMax } from "../schemas/limits-backups.ts";
import { readTables } from "./backups-d1.ts";
import { readKeys } from "./backups-kv.ts";
import { putSlice, readSlice } from "./backups-objects.ts";

it("of a namespace it takes so many keys, and refuses one more", async () => {
  const put = (index: number) => env.API_CACHE.put(`key-${String(index).padStart(4, "0")}`, "value");
  await Promise.all(Array.from({ length: backupKeysMax }, (_, index) => put(index)));
  expect(await readKeys(env.API_CACHE)).toHaveLength(backupKeysMax);
  await put(backupKeysMax);
  await expect(readKeys(env.API_CACHE)).rejects.toThrow(`more than ${backupKeysMax} keys`);
});

it("of a database it takes so many tables, those of a comparison left out, and refuses one more", async () => {
  const db = env.STRATEGIES_DB;
  const room = backupTablesMax - (await readTables(db)).length;
  const create = (name: string) => db.prepare(`CREATE TABLE ${name} (id TEXT PRIMARY KEY)`);
  await db.batch([...Array.from({ length: room }, (_, index) => create(`extra_${index}`)), create("verify_01abc_strategies")]);
  const names = (await readTables(db)).map(({ name }) => name);
  expect([names.length, names.includes("verify_01abc_strategies")]).toEqual([backupTablesMax, false]);
  await create("one_more").run();
  await expect(readTables(db)).rejects.toThrow(`more than ${backupTablesMax} tables`);
});

it("an object inflates to so many bytes, and one more is no backup's", async () => {
  const place = { id: "01jd0000000000000000000000", part: "r2:manifests", section: "holds/", index: 0, after: null } as const;
  const full = "x".repeat(backupSliceReadBytesMax - 1);
  expect(await readSlice(env.CONFIG_BACKUPS, await putSlice(env.CONFIG_BACKUPS, place, [full]))).toEqual([full]);
  const slice = await putSlice(env.CONFIG_BACKUPS, { ...place, index: 1 }, [`${full}x`]);
  await expect(readSlice(env.CONFIG_BACKUPS, slice)).rejects.toThrow(slice.key);
});
