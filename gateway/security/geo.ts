/** Where a request may come from: countries and continents that are allowed and denied, for all routes or for some. Pure. What is not known
 *  (in tests, offline) is allowed: an outage of the lookup must not be one of the edge. */
import type { GeoConfig } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import type { RuntimeConfig } from "../../schemas/runtime-config.ts";
import { compileGlob } from "./firewall/patterns.ts";

export interface Origin {
  readonly country?: string | undefined;
  readonly continent?: string | undefined;
}

/** "denied": this place is shut out, as the law or the owner has it. "not_allowed": others are let in, this place is not among them. */
export type GeoRefusal = "denied" | "not_allowed";
export type Geo = (path: string, origin: Origin) => GeoRefusal | undefined;

export function compileGeo(everywhere: GeoConfig, routes: RuntimeConfig["geo"]["routes"]): Geo {
  const compiled = routes.map(({ path, allow, deny }) => ({ fits: compileGlob(path), judge: judgeBy({ allow, deny }) }));
  const judge = judgeBy(everywhere);
  if (compiled.length === 0) return (_, origin) => judge(origin);
  return (path, origin) => (compiled.find(({ fits }) => fits(path))?.judge ?? judge)(origin);
}

function judgeBy({ allow, deny }: GeoConfig): (origin: Origin) => GeoRefusal | undefined {
  const [allowed, denied] = [new Set(allow.map(spelt)), new Set(deny.map(spelt))];
  const isIn = (places: ReadonlySet<string>, { country, continent }: Origin): boolean =>
    (country !== undefined && places.has(country)) || (continent !== undefined && places.has(`continent:${continent}`));
  // Nothing is asked of the origin then: looking at it parses all that Cloudflare says of a request.
  if (allowed.size === 0 && denied.size === 0) return () => undefined;
  return (origin) => {
    if (origin.country === undefined && origin.continent === undefined) return undefined;
    if (denied.size > 0 && isIn(denied, origin)) return "denied";
    return allowed.size > 0 && !isIn(allowed, origin) ? "not_allowed" : undefined;
  };
}

/** Countries are written in capitals; "continent:" is not. */
function spelt(place: string): string {
  return place.startsWith("continent:") ? place : place.toUpperCase();
}

/** What the request's data centre says of where it comes from, read when it is asked for. */
export function originOf(request: Request): Origin {
  const textOf = (name: "country" | "continent"): string | undefined => {
    const value = (request.cf as Readonly<Record<string, unknown>> | undefined)?.[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    get country() {
      return textOf("country");
    },
    get continent() {
      return textOf("continent");
    },
  };
}

/** RFC 7725 has 451 for what the law shuts out. */
export function geoRefusal(reason: GeoRefusal, { country }: Origin): AppError {
  const details = { reason: `country_${reason}`, country: country ?? "unknown" };
  if (reason === "denied") return new AppError("FORBIDDEN", "this service is not available where you are", { status: 451, details });
  return new AppError("FORBIDDEN", "this service is offered in other places only", { details });
}
