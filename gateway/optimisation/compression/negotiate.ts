/** Which content coding a client is given (RFC 9110, 12.5.3): the one it rates highest, between equals the first of `codings`. Nobody is
 *  answered 406: who refuses identity and takes nothing that we have still gets identity, as 12.4.1 allows. */
import Negotiator from "negotiator";
import { codings } from "./codings.ts";
import type { Coding } from "./codings.ts";

export interface Accepted {
  /** Undefined: a body goes as it is. */
  readonly coding: Coding | undefined;
  /** The client takes no body without coding: also a small one is coded. */
  readonly isIdentityRefused: boolean;
}

const none: Accepted = { coding: undefined, isIdentityRefused: false };
/** Browsers send some 30 characters; a header that lists a thousand names is not worth its parsing. */
const headerCharsMax = 256;
/** Clients send few different headers, and parsing one costs more than the rest of the decision. */
const rememberedMax = 64;
const remembered = new Map<string, Accepted>();

/** What the request's sender takes, wherever it stands. */
export function acceptedBy(request: Request): Accepted {
  const header = request.headers.get("accept-encoding");
  // Nobody's to overwrite, and `cf` is worth not parsing.
  if (header === null) return none;
  // Cloudflare overwrites the header with what itself can undo, and keeps the client's own here: empty when it sent none.
  const own = request.cf?.["clientAcceptEncoding"];
  return acceptedIn(typeof own === "string" ? own : header);
}

/** Without a header a client may be sent anything (12.5.3), but who sends none rarely knows how to undo it. */
export function acceptedIn(header: string | null): Accepted {
  if (header === null || header === "" || header.length > headerCharsMax) return none;
  const known = remembered.get(header);
  if (known !== undefined) return known;
  const accepted = negotiate(header);
  if (remembered.size >= rememberedMax) remembered.clear();
  remembered.set(header, accepted);
  return accepted;
}

function negotiate(header: string): Accepted {
  const negotiator = new Negotiator({ headers: { "accept-encoding": header } });
  const offered = [...codings, "identity"];
  const [best] = negotiator.encodings(offered, { preferred: offered });
  return {
    coding: codings.find((coding) => coding === best),
    isIdentityRefused: negotiator.encodings(["identity"]).length === 0,
  };
}
