/** Mints the demo subscriber's token from the edge's own variables. */
import { SignJWT } from "jose";
import { requireVariable } from "./edge/variables.ts";

export async function mintToken(variables: Readonly<Record<string, unknown>>): Promise<string> {
  return new SignJWT({ role: "admin" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("demo-subscriber")
    .setIssuer(requireVariable(variables, "JWT_ISSUER"))
    .setAudience(requireVariable(variables, "JWT_AUDIENCE"))
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(requireVariable(variables, "JWT_SECRET")));
}
