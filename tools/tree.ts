/** What exists in this repository, for the checks of documents. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { root } from "./environment.ts";

const notOurs = new Set(["node_modules", ".git", ".local", ".wrangler", "dist"]);

/** Whether the path, or anything matching the glob, exists below the folder (by default the root). */
export function exists(pattern: string, folder = root): boolean {
  return /[*{]/.test(pattern) ? globSync(pattern, { cwd: folder }).length > 0 : existsSync(join(folder, pattern));
}

export function fileNames(): Set<string> {
  const exclude = (path: string): boolean => notOurs.has(basename(path));
  return new Set(globSync("{*,.*,**/*,**/.*}", { cwd: root, exclude }).map((path) => basename(path)));
}

export function documents(): string[] {
  return globSync("{*.md,docs/*.md,docs/decisions/*.md}", { cwd: root }).toSorted();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function npmScripts(): Set<string> {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()).default({}) }).parse(JSON.parse(readText("package.json")));
  return new Set(Object.keys(scripts));
}
