/** What a batch may ask: addresses of /api of this very edge, each as a request of its own, with the credentials of the whole. Pure. */
import { z } from "zod";
import { batchRequestsMax } from "../../schemas/limits-proxy.ts";

const idCharsMax = 128;
const headerCharsMax = 512;

/** Nothing that says who asks, or how the answer is to be coded: that is the batch's to say. */
export const batchHeaders = ["accept", "content-type", "idempotency-key", "if-match", "if-none-match", "traceparent"] as const;

const path = z
  .string()
  .max(4_096)
  .regex(/^\/api\/[^\\#\s]*$/, 'must be an address such as "/api/opportunities?limit=5"')
  .refine(isOfApi, "must stay below /api/, and be no batch itself");

const value = z.string().max(headerCharsMax).optional();
const OwnHeaders = z.strictObject(
  Object.fromEntries(batchHeaders.map((name) => [name, value])) as Record<(typeof batchHeaders)[number], typeof value>,
);

const Part = z
  .strictObject({
    id: z.union([z.string().max(idCharsMax), z.int()]).optional(),
    method: z.enum(["GET", "HEAD", "POST", "PUT", "DELETE"], "must be GET, HEAD, POST, PUT or DELETE"),
    path,
    headers: OwnHeaders.default({}),
    body: z.unknown().optional(),
  })
  .refine(({ method, body }) => body === undefined || (method !== "GET" && method !== "HEAD"), {
    error: "is not sent with GET or HEAD",
    path: ["body"],
  });
export type Part = z.infer<typeof Part>;

export const BatchBody = z.strictObject({
  requests: z.array(Part).min(1, "is empty").max(batchRequestsMax, `has more than ${batchRequestsMax}`),
});

/** Read as it will be read when it is sent: dot segments and escapes are undone before the address is looked at. */
function isOfApi(text: string): boolean {
  const base = "https://edge.invalid";
  if (!URL.canParse(text, base)) return false;
  const { origin, pathname } = new URL(text, base);
  const plain = decoded(pathname);
  return origin === base && plain !== undefined && plain.startsWith("/api/") && !/^\/api\/batch(?:\/|$)/.test(plain);
}

function decoded(pathname: string): string | undefined {
  try {
    return new URL(decodeURIComponent(pathname).replaceAll("\\", "/"), "https://edge.invalid").pathname;
  } catch {
    return undefined;
  }
}

/** The credentials and the address of who sent the batch: its parts count as his. */
const inherited = ["authorization", "cf-connecting-ip", "cf-ipcountry", "origin", "user-agent", "x-api-key"];

export function headersOfPart({ headers, body }: Part, outer: Headers): Headers {
  const own = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const merged = new Headers(own);
  for (const name of inherited) {
    const value = outer.get(name);
    if (value !== null) merged.set(name, value);
  }
  if (body !== undefined && !merged.has("content-type")) merged.set("content-type", "application/json");
  return merged;
}
