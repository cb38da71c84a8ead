/** Centrifugo's client protocol v2 in JSON (REALTIME 2), so that its SDKs work unmodified. Replies and pushes are lines of text around an
 *  event's own; several lines make one message. Its clients tolerate holes in the offsets and step back when sent an older one. */
import { renewEveryMs } from "../../schemas/limits.ts";
import { errorText, readCentrifugo } from "./centrifugo-commands.ts";
import type { Member } from "../../schemas/presence.ts";
import type { Closing, Dialect, Presence, Refusal, Reply, Run } from "./dialect.ts";
import type { LiveEvent } from "./live-event.ts";

/** The server's ping comes with each renewal of the relay, which is awake for it: a client that waits half a renewal longer, and the ten
 *  seconds the SDK adds, forgives a late alarm. No pong is asked for: it would wake a sleeping relay once for each socket. */
const pingSeconds = (renewEveryMs * 3) / 2 / 1_000;

/** A message stays well under what runtimes and clients take as one; a lone line is at most an event. */
const messageCharsMax = 262_144;
/** The answer to a subscribe holds what was missed up to this much; what is beyond follows at once as pushes. */
const answerCharsMax = 1_048_576;

function renderPublication(event: LiveEvent): string {
  return `{"data":{"type":"${event.type}",${event.nativeTail},"offset":${event.offset}}`;
}

function push(channel: string, content: string): string {
  return `{"push":{"channel":${JSON.stringify(channel)},${content}}}`;
}

function renderPushes({ channel, events }: Pick<Run, "channel" | "events">): string[] {
  return packLines(events.map((event) => push(channel, `"pub":${renderPublication(event)}`)));
}

/** Lines joined into messages. */
export function packLines(lines: readonly string[]): string[] {
  const messages: string[] = [];
  let open: string[] = [];
  let chars = 0;
  const close = (): void => {
    if (open.length > 0) messages.push(open.join("\n"));
    open = [];
    chars = 0;
  };
  for (const line of lines) {
    if (chars + line.length > messageCharsMax) close();
    open.push(line);
    chars += line.length;
  }
  close();
  return messages;
}

/** How many of these come before a sum of lengths passes the bound. */
function countWithin(texts: readonly string[], charsMax: number): number {
  let chars = 0;
  const over = texts.findIndex((text) => (chars += text.length) > charsMax);
  return over === -1 ? texts.length : over;
}

function renderSubscribed({ id, run, offset, top, recovered, wasRecovering }: Extract<Reply, { kind: "subscribed" }>): string[] {
  const publications = run.events.map(renderPublication);
  const inside = countWithin(publications, answerCharsMax);
  // With nothing left to send, the client stands where the stream does: a quiet view needs no long way back the next time.
  const stands = recovered && run.events.length === 0 ? top : offset;
  const head = { recoverable: true, positioned: true, epoch: run.epoch, offset: stands, recovered, was_recovering: wasRecovering };
  const list = `"publications":[${publications.slice(0, inside).join(",")}]`;
  const answer = `{"id":${id},"subscribe":${JSON.stringify(head).slice(0, -1)},${list}}}`;
  return [answer, ...renderPushes({ channel: run.channel, events: run.events.slice(inside) })];
}

function renderHistory({ id, run, top, reverse }: Extract<Reply, { kind: "history" }>): string {
  const publications = run.events.map(renderPublication);
  const list = (reverse ? publications.toReversed() : publications).join(",");
  return `{"id":${id},"history":{"publications":[${list}],"epoch":${JSON.stringify(run.epoch)},"offset":${top}}}`;
}

function renderPresence({ clients, users, members }: Presence, counts: boolean): string {
  if (counts) return `"presence_stats":${JSON.stringify({ num_clients: clients, num_users: users })}`;
  return `"presence":${JSON.stringify({ presence: Object.fromEntries(members.map((member) => [member.client, infoOf(member)])) })}`;
}

function infoOf({ user, client }: Member): { user: string; client: string } {
  return { user, client };
}

/** What the core refuses, by its stable code. */
const errorCodes: Readonly<Record<string, number>> = {
  UNAUTHORIZED: 101,
  NOT_FOUND: 102,
  FORBIDDEN: 103,
  CONFLICT: 112,
  CAPACITY_EXCEEDED: 106,
  INVALID_PARAMETERS: 107,
  RATE_LIMIT_EXCEEDED: 111,
};

function renderError({ code, message, path, id }: Refusal): string {
  const known = errorCodes[code] ?? 100;
  const number = path === "type" ? 108 : code === "CONFLICT" && path === "channel" ? 105 : known;
  return `{"id":${id},"error":${errorText(number, message, number === 100 || number === 111)}}`;
}

function answerOf(reply: Reply): string | undefined {
  switch (reply.kind) {
    case "connected": {
      const { connectionId: client, ttlSeconds: ttl } = reply;
      const life = ttl === undefined ? {} : { expires: true, ttl };
      return JSON.stringify({ id: reply.id, connect: { client, version: "arbitragex-edge", ...life, ping: pingSeconds } });
    }
    case "authenticated":
      return JSON.stringify({ id: reply.id, refresh: { version: "arbitragex-edge", expires: true, ttl: reply.ttlSeconds } });
    case "token_refused":
      // The SDK fetches a new token and connects again; for any other fault the code of the close says it all.
      return reply.reason === "expired" && reply.during === "connect"
        ? `{"id":${reply.id},"error":${errorText(109, "token expired")}}`
        : undefined;
    case "left":
      return `{"id":${reply.id},"unsubscribe":{}}`;
    case "unsubscribed":
      return push(reply.channel, `"unsubscribe":${JSON.stringify({ code: reply.code, reason: reply.reason })}`);
    case "history":
      return renderHistory(reply);
    case "presence":
      return `{"id":${reply.id},${renderPresence(reply.presence, reply.counts)}}`;
    case "join":
    case "leave":
      return push(reply.channel, `"${reply.kind}":${JSON.stringify({ info: infoOf(reply.member) })}`);
    case "pong":
      return `{"id":${reply.id},"ping":{}}`;
    case "refused":
      return renderError(reply.refusal);
    // The connect reply greets, and its ttl tells when to refresh.
    case "welcome":
    case "token_expiring":
    case "subscribed":
      return undefined;
  }
}

const closings: Readonly<Record<Closing, { readonly code: number; readonly reason: string }>> = {
  policy: { code: 3501, reason: "bad request" },
  bad_request: { code: 3501, reason: "bad request" },
  // The SDK knows this one, and does not come back with the same message.
  too_big: { code: 1009, reason: "message size limit exceeded" },
  bad_token: { code: 3500, reason: "invalid token" },
  unauthorized: { code: 3507, reason: "permission denied" },
  forbidden: { code: 3507, reason: "permission denied" },
  slow: { code: 3008, reason: "slow" },
  expired: { code: 3005, reason: "connection expired" },
  too_many: { code: 3013, reason: "too many requests" },
  too_many_sockets: { code: 3504, reason: "connection limit" },
  silent: { code: 3502, reason: "stale" },
  gone: { code: 3012, reason: "no pong" },
  restart: { code: 3001, reason: "shutdown" },
};

export const centrifugo: Dialect = {
  hasHandshake: true,
  // The SDK finds its subscription by the name it gave.
  keepsNames: true,
  heartbeat: "{}",
  read: readCentrifugo,
  write(reply) {
    if (reply.kind === "subscribed") return renderSubscribed(reply);
    const answer = answerOf(reply);
    return answer === undefined ? [] : [answer];
  },
  render({ channel, events }) {
    if (events.length === 0) return undefined;
    const messages = renderPushes({ channel, events });
    return () => messages;
  },
  // The protocol has no such push: an idle view's clients learn it from the answer to their next subscribe.
  position: () => undefined,
  close: (closing) => closings[closing],
};
