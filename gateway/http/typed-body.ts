/** Reads a JSON body that says it is one: a form of another site can send no `application/json` without asking first. */
import type { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { readJson } from "./body.ts";

const jsonType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** No body at all counts as `{}`. Throws UNSUPPORTED_MEDIA_TYPE, and what readJson throws. */
export async function readTypedJson<S extends z.ZodType>(request: Request, schema: S, bytesMax: number): Promise<z.output<S>> {
  const type = request.headers.get("content-type");
  const isEmpty = request.body === null || (type === null && request.headers.get("content-length") === "0");
  if (!isEmpty && !jsonType.test(type ?? "")) throw new AppError("UNSUPPORTED_MEDIA_TYPE", "send content-type: application/json");
  return readJson(isEmpty ? new Request(request.url, { method: "POST", body: "{}" }) : request, schema, bytesMax);
}
