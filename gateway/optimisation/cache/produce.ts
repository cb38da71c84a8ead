/** Asks an origin once and makes of its answer what may be shared and kept. What may not is left as it came, for the one who asked. */
import { AppError } from "../../../platform/errors.ts";
import { cacheBufferMs } from "../../../schemas/limits-cache.ts";
import { tagOf } from "../../http/etag.ts";
import { buffer } from "./body.ts";
import { kept, varyingValues } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { policyOf } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { storabilityOf } from "./storable.ts";
import type { Lifetime } from "./storable.ts";

export interface OriginResult {
  /** Whole and unconditional: never a 304. */
  readonly response: Response;
  /** In place of the one asked by: what came out may be good for longer. */
  readonly policy?: PolicyName | undefined;
  /** The answer is untrue from then on. */
  readonly notAfterMs?: number | undefined;
}

export type Origin = () => Promise<OriginResult>;

export interface Order {
  readonly key: string;
  readonly policy: PolicyName;
  /** Of the request: what the answer may vary on. */
  readonly headers: Headers;
  readonly origin: Origin;
  clock(): number;
}

/** `once`: for those who asked at the same time, and nobody after. */
export type Keep = "once" | PolicyName;

/** Never a rejection: who waits for it shares the failure. */
export type Product =
  | { readonly kind: "entry"; readonly entry: Entry; readonly keep: Keep }
  /** Its stream can be read by one only, or it is meant for one only. */
  | { readonly kind: "own"; readonly response: Response; readonly reason: string }
  | { readonly kind: "error"; readonly error: unknown };

export async function produce(order: Order): Promise<Product> {
  const startedAtMs = order.clock();
  try {
    return await take(order, await order.origin(), startedAtMs);
  } catch (error) {
    return refusal(order, error, startedAtMs) ?? { kind: "error", error };
  }
}

async function take(
  order: Order,
  { response, policy: name = order.policy, notAfterMs }: OriginResult,
  startedAtMs: number,
): Promise<Product> {
  const policy = policyOf(name);
  const { status, headers } = response;
  const storability = storabilityOf(policy, { status, headers, startedAtMs, nowMs: order.clock(), notAfterMs });
  if (storability.kind === "own") return { kind: "own", response, reason: storability.reason };
  const buffered = await bufferOf(response, policy.bytesMax);
  if (buffered.kind === "stream") return { kind: "own", response: new Response(buffered.body, response), reason: "large" };
  const held = kept(headers);
  const tag: [string, string][] = headers.has("etag") ? [] : [["etag", tagOf(new TextDecoder().decode(buffered.bytes))]];
  const lifetime = storability.kind === "store" ? storability.lifetime : spent(startedAtMs);
  const entry: Entry = {
    v: 1,
    key: order.key,
    status,
    headers: status === 200 ? [...held, ...tag] : held,
    varying: varyingValues(storability.varying, order.headers),
    isRefusal: false,
    startedAtMs,
    ...lifetime,
    body: buffered.bytes,
  };
  return { kind: "entry", entry, keep: storability.kind === "store" ? name : "once" };
}

function spent(atMs: number): Lifetime {
  return { generatedAtMs: atMs, freshUntilMs: atMs, staleUntilMs: atMs, errorUntilMs: atMs };
}

async function bufferOf(response: Response, bytesMax: number): ReturnType<typeof buffer> {
  try {
    return await buffer(response, { bytesMax, timeoutMs: cacheBufferMs });
  } catch (error) {
    throw new AppError("UPSTREAM_UNAVAILABLE", "the answer broke off", { cause: error, retryAfterSeconds: 1 });
  }
}

/** That something is not there is an answer too. What else is refused depends on more than the key, or on the moment. */
function refusal({ key, policy, clock }: Order, error: unknown, startedAtMs: number): Product | undefined {
  const { negativeSeconds } = policyOf(policy);
  if (!(error instanceof AppError) || error.code !== "NOT_FOUND" || negativeSeconds === 0) return undefined;
  const untilMs = clock() + 1_000 * negativeSeconds;
  const lifetime = { generatedAtMs: clock(), freshUntilMs: untilMs, staleUntilMs: untilMs, errorUntilMs: untilMs };
  const body = new TextEncoder().encode(JSON.stringify({ message: error.message, details: error.details }));
  const entry: Entry = { v: 1, key, status: 404, headers: [], varying: [], isRefusal: true, startedAtMs, ...lifetime, body };
  return { kind: "entry", entry, keep: policy };
}

/** Whether a failure is the origin's, not the request's: an older answer is then better than none. */
export function isOutage(product: Product): boolean {
  if (product.kind === "entry") return product.entry.status >= 500;
  return product.kind === "error" && product.error instanceof AppError && product.error.status >= 500 && product.error.code !== "INTERNAL";
}

export function statusOf(product: Product): number | undefined {
  if (product.kind === "entry") return product.entry.status;
  if (product.kind === "own") return product.response.status;
  return product.error instanceof AppError ? product.error.status : undefined;
}
