/** Dotted paths into a configuration: names of fields, and numbers in lists. Pure: a change is a copy. */
import { CliError } from "../errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export function readPath(value: Json, path: string): Json | undefined {
  return path.split(".").reduce<Json | undefined>((part, name) => childOf(part, name), value);
}

/** Throws where the path leads through what has no parts. A missing field is made: whether it may be is the edge's to say. */
export function withPath(value: Json, path: string, to: Json): Json {
  const [name = "", ...rest] = path.split(".");
  if (name === "") throw new CliError("usage", "a path is names with dots between them", { path });
  const next = rest.length === 0 ? to : withPath(childOf(value, name) ?? {}, rest.join("."), to);
  if (isList(value)) return withItem(value, name, next);
  if (typeof value !== "object" || value === null)
    throw new CliError("usage", `there is nothing below that: ${JSON.stringify(value)}`, { path });
  return { ...value, [name]: next };
}

function withItem(list: readonly Json[], name: string, to: Json): Json {
  const index = Number(name);
  if (!/^\d{1,6}$/.test(name) || index > list.length)
    throw new CliError("usage", `a list of ${list.length} takes a number from 0 to ${list.length}`, { path: name });
  return [...list.slice(0, index), to, ...list.slice(index + 1)];
}

function childOf(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return isList(value) ? value[Number(name)] : value[name];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
