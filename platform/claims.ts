/** Reads what a verified token says, however its issuer spells it. Which rights a role has is channels/capabilities.ts. */
import { z } from "zod";

export interface Claims {
  readonly sub: string | undefined;
  readonly role: string | undefined;
  readonly channels: Readonly<Record<string, readonly string[]>> | undefined;
  /** Epoch seconds. */
  readonly exp: number;
  /** The token's own name, by which it can be revoked. */
  readonly jti?: string | undefined;
  /** The session it belongs to: minted by us, refreshed and ended as one. */
  readonly sid?: string | undefined;
  /** Epoch seconds. */
  readonly iat?: number | undefined;
}

/** Where each issuer of the owner's writes what we use (UPSTREAM 2); the first one present counts. Their `email`, `tenantId` and
 *  `permissions` name accounts and actions of the backend: they give no right here. */
const spellings = {
  sub: ["sub", "userId"],
  role: ["role"],
  channels: ["channels"],
  exp: ["exp"],
  jti: ["jti"],
  sid: ["sid"],
  iat: ["iat"],
} as const satisfies Record<keyof Claims, readonly string[]>;

/** Bounds, because claims are kept with a socket. */
const Claims = z.object({
  sub: z.string().max(256).optional(),
  role: z.string().max(64).optional(),
  channels: z.record(z.string().max(256), z.array(z.string().max(32)).max(16)).optional(),
  exp: z.number(),
  jti: z.string().max(256).optional(),
  sid: z.string().max(256).optional(),
  iat: z.number().optional(),
});

/** Undefined when a claim has the wrong shape. */
export function readClaims(payload: Readonly<Record<string, unknown>>): Claims | undefined {
  const named = Object.entries(spellings).map(([claim, names]) => [claim, names.map((name) => payload[name]).find(isPresent)]);
  const parsed = Claims.safeParse(Object.fromEntries(named));
  if (!parsed.success) return undefined;
  const { sub, role, channels, ...rest } = parsed.data;
  return { sub, role, channels, ...rest };
}

function isPresent(value: unknown): boolean {
  return value !== undefined;
}
