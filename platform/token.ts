/** Verifies a client's JWT: HS256 pinned (a token never chooses its own algorithm), `exp` required, issuer and audience ours.
 *  Expired is told apart from invalid, because a client refreshes the one and must not retry the other. */
import { errors, jwtVerify } from "jose";
import { z } from "zod";

export interface TokenRules {
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
}

export interface Claims {
  readonly sub: string | undefined;
  readonly role: string | undefined;
  readonly channels: Readonly<Record<string, readonly string[]>> | undefined;
  /** Epoch seconds. */
  readonly exp: number;
}

export type VerifiedToken = { readonly ok: true; readonly claims: Claims } | { readonly ok: false; readonly reason: "expired" | "invalid" };

/** Claims as the owner's issuers write them: the subject is `sub` or `userId` (UPSTREAM 2). Unknown claims are ignored. */
const Payload = z.object({
  sub: z.string().max(256).optional(),
  userId: z.string().max(256).optional(),
  role: z.string().max(64).optional(),
  channels: z.record(z.string().max(256), z.array(z.string().max(32)).max(16)).optional(),
  exp: z.number(),
});

const encoder = new TextEncoder();

export async function verifyToken(token: string, rules: TokenRules, nowMs: number): Promise<VerifiedToken> {
  try {
    const { payload } = await jwtVerify(token, encoder.encode(rules.secret), {
      algorithms: ["HS256"],
      issuer: rules.issuer,
      audience: rules.audience,
      requiredClaims: ["exp"],
      currentDate: new Date(nowMs),
    });
    const parsed = Payload.safeParse(payload);
    if (!parsed.success) return { ok: false, reason: "invalid" };
    const { sub, userId, role, channels, exp } = parsed.data;
    return { ok: true, claims: { sub: sub ?? userId, role, channels, exp } };
  } catch (error) {
    // Anything else the library throws is a fault of the token as well: bad signature, shape, algorithm, issuer, audience.
    return { ok: false, reason: error instanceof errors.JWTExpired ? "expired" : "invalid" };
  }
}
