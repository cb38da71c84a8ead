/** POST /api/batch: up to twenty requests in one. Each goes through the whole app, as if it had come alone: let in or refused, counted, cached. No
 *  order is promised; one that fails fails alone. */
import { Hono } from "hono";
import type { Context } from "hono";
import { AppError } from "../../platform/errors.ts";
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";
import { batchAnswerBytesMax, batchBodyBytesMax, batchParallel, batchPartBytesMax, batchTimeoutMs } from "../../schemas/limits-proxy.ts";
import { batchText, failed, jsonOf, shownHeaders, tooLarge } from "../batch/answer.ts";
import type { PartAnswer } from "../batch/answer.ts";
import { BatchBody, headersOfPart } from "../batch/plan.ts";
import type { Part } from "../batch/plan.ts";
import { readTypedJson } from "../http/typed-body.ts";
import { methodNotAllowed } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { buffer } from "../optimisation/cache/body.ts";

type BatchContext = Context<GatewayEnv>;

export interface BatchDeps {
  /** The app itself. */
  send(request: Request, c: BatchContext): Promise<Response>;
  clock(): number;
}

export function batchRoutes(deps: BatchDeps): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>().post("/api/batch", (c) => answer(c, deps)).all("/api/batch", methodNotAllowed("POST"));
}

async function answer(c: BatchContext, deps: BatchDeps): Promise<Response> {
  const { requests } = await readTypedJson(c.req.raw, BatchBody, batchBodyBytesMax);
  const deadlineMs = deps.clock() + batchTimeoutMs;
  const answers: PartAnswer[] = [];
  const waiting = requests.entries();
  // Each takes the next one when it is done with its last.
  const work = async (): Promise<void> => {
    for (const [index, part] of waiting) answers[index] = await answerPart(c, part, { ...deps, deadlineMs });
  };
  await Promise.all(Array.from({ length: batchParallel }, work));
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  return new Response(batchText(requests, answers, batchAnswerBytesMax), { headers });
}

/** Never throws. */
async function answerPart(c: BatchContext, part: Part, deps: BatchDeps & { readonly deadlineMs: number }): Promise<PartAnswer> {
  const leftMs = deps.deadlineMs - deps.clock();
  if (leftMs <= 0) return failed(new AppError("UPSTREAM_TIMEOUT", "the batch took too long: this part was not begun"));
  try {
    const work = deps.send(requestOf(c, part), c).then((response) => takePart(response, leftMs));
    return await withTimeout(work, leftMs, "a part of a batch");
  } catch (error) {
    if (error instanceof AppError) return failed(error);
    const message = error instanceof TimeoutError ? "it did not end in time: whether it took effect is not known" : "it broke off";
    return failed(new AppError(error instanceof TimeoutError ? "UPSTREAM_TIMEOUT" : "UPSTREAM_UNAVAILABLE", message, { cause: error }));
  }
}

function requestOf(c: BatchContext, part: Part): Request {
  const { raw } = c.req;
  const body = part.body === undefined ? null : typeof part.body === "string" ? part.body : JSON.stringify(part.body);
  const init = { method: part.method, headers: headersOfPart(part, raw.headers), body };
  // Where it came from counts for its parts as well; what codings its client takes is the whole answer's concern.
  const { clientAcceptEncoding: _, ...cf } = { ...raw.cf } as Record<string, unknown>;
  return new Request(new URL(part.path, c.req.url), raw.cf === undefined || raw.cf === null ? init : { ...init, cf });
}

async function takePart(response: Response, timeoutMs: number): Promise<PartAnswer> {
  const { status, headers } = response;
  const taken = await buffer(response, { bytesMax: batchPartBytesMax, timeoutMs });
  if (taken.kind === "stream") {
    await taken.body.cancel();
    return { status, headers: shownHeaders(headers), body: failed(tooLarge(batchPartBytesMax)).body };
  }
  const text = new TextDecoder().decode(taken.bytes);
  return { status, headers: shownHeaders(headers), body: jsonOf(text, headers.get("content-type")) };
}
