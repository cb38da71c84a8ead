/** Sockets take tokens, not keys: a key mints one that may hear this channel and nothing else, anew when it runs out. */
import { isToken } from "../client.ts";
import type { Session } from "../cli.ts";
import { CliError } from "../errors.ts";

interface Issued {
  readonly access_token: string;
  readonly expires_at: string;
}

const ttlSeconds = 900;
/** One that ends sooner is not worth a connect. */
const leftMsMin = 60_000;

/** Asks the edge once before it resolves: an edge that is not there or a key that is wrong end the command, instead of being tried for ever. */
export async function tokenSource({ edge, target, world }: Session, channel: string): Promise<() => Promise<string | undefined>> {
  const { key } = target;
  if (key === undefined || isToken(key)) {
    if (key !== undefined) await requireActive(edge, key);
    else await edge.get("/api/channels/market/snapshot", { anonymous: true }).catch(unlessUnreachable);
    return () => Promise.resolve(key);
  }
  const mint = (): Promise<Issued> =>
    edge.send<Issued>("POST", "/security/token", {
      body: { sub: "arbx-tail", channels: { [channel]: ["subscribe"] }, ttl_seconds: ttlSeconds },
    });
  let issued = await mint();
  return async () => {
    if (Date.parse(issued.expires_at) - world.now() < leftMsMin) issued = await mint();
    return issued.access_token;
  };
}

async function requireActive(edge: Session["edge"], token: string): Promise<void> {
  const { active, reason } = await edge.send<{ active: boolean; reason?: string }>("POST", "/security/verify", {
    body: { token },
    anonymous: true,
  });
  if (!active) throw new CliError("refused", `the token in ARBX_KEY is ${reason ?? "not valid"}`, { code: "UNAUTHORIZED" });
}

/** Whatever an edge answers, it is there. */
function unlessUnreachable(error: unknown): void {
  if (!(error instanceof CliError) || error.code === "UNREACHABLE" || error.code === "TIMEOUT") throw error;
}
