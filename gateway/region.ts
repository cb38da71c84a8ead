/** In which order the regions serve a client: the ones nearest to it first, from what Cloudflare knows of the request, then the others
 *  by the written order of `beyond`. Pure. A caller whose region is silent, full or drained goes to the next. */
import type { LocationHint } from "../platform/config.ts";
import { hintsOfCountry, isWestern } from "./countries.ts";

/** The part of `request.cf` that places a client. Absent in tests and offline. */
export interface Place {
  readonly continent?: string | undefined;
  /** ISO 3166-1; `T1` is Tor, `XX` unknown. */
  readonly country?: string | undefined;
  /** ISO 3166-2 without the country: `CA` is California. */
  readonly regionCode?: string | undefined;
  /** Decimal degrees, as text. */
  readonly longitude?: string | undefined;
}

/** For a country that is not known. */
const byContinent: Readonly<Record<string, readonly LocationHint[]>> = {
  NA: ["enam", "wnam"],
  EU: ["weur", "eeur"],
  AF: ["afr", "weur", "me"],
  AS: ["apac", "apac-se", "apac-ne", "me"],
  OC: ["oc", "apac", "apac-se"],
  SA: ["sam", "enam"],
  AN: ["oc", "sam", "afr"],
};

/** Where to go on from a region that does not serve: every other one, by the way cables take. */
const beyond: Readonly<Record<LocationHint, readonly LocationHint[]>> = {
  wnam: ["enam", "sam", "apac-ne", "weur", "oc", "apac", "apac-se", "eeur", "me", "afr"],
  enam: ["wnam", "weur", "sam", "eeur", "afr", "me", "apac-ne", "apac", "apac-se", "oc"],
  sam: ["enam", "wnam", "weur", "afr", "eeur", "me", "apac-ne", "oc", "apac", "apac-se"],
  weur: ["eeur", "enam", "me", "afr", "wnam", "apac", "sam", "apac-se", "apac-ne", "oc"],
  eeur: ["weur", "me", "enam", "afr", "apac", "wnam", "apac-se", "apac-ne", "sam", "oc"],
  me: ["eeur", "weur", "apac", "apac-se", "afr", "enam", "apac-ne", "wnam", "oc", "sam"],
  afr: ["weur", "me", "eeur", "enam", "apac", "sam", "apac-se", "wnam", "apac-ne", "oc"],
  apac: ["apac-se", "apac-ne", "oc", "wnam", "me", "eeur", "weur", "enam", "afr", "sam"],
  "apac-ne": ["apac", "apac-se", "wnam", "oc", "enam", "eeur", "weur", "me", "sam", "afr"],
  "apac-se": ["apac", "apac-ne", "oc", "me", "wnam", "weur", "eeur", "enam", "afr", "sam"],
  oc: ["apac-se", "apac", "apac-ne", "wnam", "enam", "sam", "weur", "eeur", "me", "afr"],
};

/** All of `regions`, nearest first; as they are listed when nothing is known about the client. */
export function regionsOf(place: Place | undefined, regions: readonly LocationHint[]): LocationHint[] {
  const [home, ...near] = wishesOf(place);
  if (home === undefined) return [...new Set(regions)];
  return [...new Set([home, ...near, ...beyond[home]])].filter((region) => regions.includes(region));
}

/** The first choice. */
export function regionOf(place: Place | undefined, regions: readonly LocationHint[]): LocationHint {
  const [near] = regionsOf(place, regions);
  if (near === undefined) throw new Error("no regions are configured");
  return near;
}

function wishesOf(place: Place | undefined): readonly LocationHint[] {
  const western = place === undefined ? undefined : isWestern(place);
  if (western !== undefined) return western ? ["wnam", "enam"] : ["enam", "wnam"];
  return hintsOfCountry(place?.country ?? "") ?? byContinent[place?.continent ?? ""] ?? [];
}
