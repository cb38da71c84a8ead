/** Query strings are input like any other: a parameter that is unknown, repeated or malformed is refused by name, never ignored. */
import type { z } from "zod";
import { AppError } from "../../platform/errors.ts";

export type QueryShape = z.ZodObject<Readonly<Record<string, z.ZodType>>>;

/** Parses all parameters of `search`. Throws INVALID_PARAMETERS with `details.parameter`. */
export function parseQuery<S extends QueryShape>(schema: S, search: URLSearchParams): z.output<S> {
  const values: Record<string, string> = {};
  for (const [name, value] of search) {
    if (!Object.hasOwn(schema.shape, name)) throw refuse(name, `unknown parameter; known are ${Object.keys(schema.shape).join(", ")}`);
    if (Object.hasOwn(values, name)) throw refuse(name, "given more than once");
    values[name] = value;
  }
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse(String(issue?.path[0] ?? ""), issue?.message ?? "invalid");
}

function refuse(parameter: string, message: string): AppError {
  // The name comes from the client: bounded before it is echoed.
  const name = parameter.slice(0, 64);
  return new AppError("INVALID_PARAMETERS", `${name}: ${message}`, { details: { parameter: name } });
}
