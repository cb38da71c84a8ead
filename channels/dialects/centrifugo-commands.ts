/** Reads commands of Centrifugo's client protocol v2 in JSON (REALTIME 2): one a line, several lines a frame. Fields that mean nothing
 *  here (name, version, headers, delta) are passed over; those whose loss would change what a client gets are refused. */
import { z } from "zod";
import { historyLimitMax, idCharsMax, socketMessagesBurst } from "../../schemas/limits.ts";
import type { HistoryCommand, Incoming, Start } from "./dialect.ts";

/** `rejectUnrecovered` of a subscribe command's flags. */
const failFlag = 2;

const Channel = z.string().min(1).max(259);
const Token = z.string().max(8_192);
const Offset = z.int().nonnegative();
const Epoch = z.string().max(idCharsMax);
const OfChannel = z.object({ channel: Channel });
const Subscribe = OfChannel.extend({
  recover: z.boolean().optional(),
  offset: Offset.optional(),
  epoch: Epoch.optional(),
  flag: z.int().nonnegative().optional(),
  join_leave: z.boolean().optional(),
  // Maps, polls and filters by tags: without them a client would get something else than it asked for.
  type: z.literal(0).optional(),
  tf: z.undefined().optional(),
});
const History = OfChannel.extend({
  limit: z.int().min(-1).optional(),
  since: z.object({ offset: Offset.optional(), epoch: Epoch.optional() }).optional(),
  reverse: z.boolean().optional(),
});

type Method = (params: unknown, id: number) => Incoming;

const methods = new Map<string, Method>([
  [
    "connect",
    method(z.object({ token: Token.optional() }), ({ token }, id) => command({ kind: "connect", id, token: token || undefined })),
  ],
  ["refresh", method(z.object({ token: Token.min(1) }), ({ token }, id) => command({ kind: "authenticate", id, token }))],
  ["subscribe", method(Subscribe, subscribeOf)],
  ["unsubscribe", method(OfChannel, ({ channel }, id) => command({ kind: "unsubscribe", id, channel }))],
  ["history", method(History, (params, id) => command(historyOf(params, id)))],
  ["presence", method(OfChannel, ({ channel }, id) => command({ kind: "presence", id, channel, counts: false }))],
  ["presence_stats", method(OfChannel, ({ channel }, id) => command({ kind: "presence", id, channel, counts: true }))],
  ["ping", (_, id) => command({ kind: "ping", id })],
  ["publish", (_, id) => declined(id, errorText(103, "permission denied: events enter by ingest alone"))],
  ["rpc", (_, id) => declined(id, errorText(104, "method not found"))],
  ["sub_refresh", (_, id) => declined(id, errorText(108, "not available: what may be subscribed stands in the connection's token"))],
]);

export function errorText(code: number, message: string, temporary = false): string {
  return JSON.stringify({ code, message, ...(temporary ? { temporary } : {}) });
}

export function readCentrifugo(raw: string | ArrayBuffer): Incoming[] {
  const lines = typeof raw === "string" ? raw.split("\n").filter((line) => line.trim() !== "") : [];
  if (lines.length === 0 || lines.length > socketMessagesBurst) return [{ kind: "close", closing: "bad_request" }];
  return lines.map(readLine);
}

function readLine(line: string): Incoming {
  const json = parseObject(line);
  if (json === undefined) return { kind: "close", closing: "bad_request" };
  const { id = 0, ...rest } = json;
  const [name, ...more] = Object.keys(rest);
  // An empty command answers the server's ping.
  if (name === undefined) return { kind: "nothing" };
  const isNamed = typeof id === "number" && Number.isSafeInteger(id) && id > 0;
  if (!isNamed || more.length > 0) return { kind: "close", closing: "bad_request" };
  return methods.get(name)?.(rest[name], id) ?? declined(id, errorText(104, "method not found"));
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(line);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

/** Params that don't fit are the request's fault alone: an error under its id, and the socket lives on. */
function method<T>(schema: z.ZodType<T>, use: (params: T, id: number) => Incoming): Method {
  return (params, id) => {
    const parsed = schema.safeParse(params);
    if (parsed.success) return use(parsed.data, id);
    const [issue] = parsed.error.issues;
    return declined(id, errorText(107, `bad request: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`));
  };
}

function declined(id: number, error: string): Incoming {
  return { kind: "declined", text: `{"id":${id},"error":${error}}` };
}

function command(of: Extract<Incoming, { kind: "command" }>["command"]): Incoming {
  return { kind: "command", command: of };
}

function subscribeOf(
  { channel, recover, offset = 0, epoch, flag = 0, join_leave: watch }: z.infer<typeof Subscribe>,
  id: number,
): Incoming {
  // Centrifugo lets it pass and may give the wrong events for the missed ones (REALTIME 1).
  if (recover === true && offset > 0 && !epoch) return declined(id, errorText(107, "bad request: an offset above 0 needs its epoch"));
  const start: Start = recover === true ? { kind: "position", position: { epoch: epoch || undefined, offset } } : { kind: "live" };
  const recoverOrFail = (flag & failFlag) !== 0;
  return command({ kind: "subscribe", id, channel, filters: {}, start, once: true, recoverOrFail, watch: watch === true });
}

/** No limit asks where the stream stands and for no event; -1 is for as many as one answer may hold. Without a position to start from,
 *  this protocol begins with the oldest. */
function historyOf({ channel, limit = 0, since, reverse }: z.infer<typeof History>, id: number): HistoryCommand {
  const isFromEnd = since === undefined && reverse === true;
  const from = isFromEnd ? {} : { since: { epoch: since?.epoch || undefined, offset: since?.offset ?? 0 } };
  return { kind: "history", id, channel, limit: limit < 0 ? historyLimitMax : Math.min(limit, historyLimitMax), reverse, ...from };
}
