/** Reads a small JSON body of an operator's request: bounded before it is parsed, checked before it is used. */
import type { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { readText } from "../../producers/ingest/read-body.ts";
import { bodyTimeoutMs } from "../../schemas/limits.ts";

/** Throws PAYLOAD_TOO_LARGE, or INVALID_PARAMETERS with `details.parameter`. */
export async function readJson<S extends z.ZodType>(request: Request, schema: S, bytesMax: number): Promise<z.output<S>> {
  const parsed = schema.safeParse(parse(await readText(request, { bytesMax, timeoutMs: bodyTimeoutMs })));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const parameter = issue?.path.join(".") ?? "";
  throw new AppError("INVALID_PARAMETERS", `${parameter}: ${issue?.message ?? "invalid"}`, { details: { parameter } });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("INVALID_PARAMETERS", "the body must be JSON");
  }
}
