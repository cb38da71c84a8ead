/** Which of the configured regions a client's relay stands in: the one nearest to its continent, from what Cloudflare knows of the
 *  request. Pure; the order in each list is the order in which a missing region is replaced. */
import type { LocationHint } from "../platform/config.ts";

/** The part of `request.cf` that places a client. Absent in tests and offline. */
export interface Place {
  readonly continent?: string | undefined;
  /** Decimal degrees, as text. */
  readonly longitude?: string | undefined;
}

/** Halfway across North America: what lies west of it is nearer to the west coast. */
const middleOfNorthAmerica = -100;

const western: readonly LocationHint[] = ["wnam", "enam", "sam", "weur"];
const eastern: readonly LocationHint[] = ["enam", "wnam", "sam", "weur"];

const byContinent: Readonly<Record<string, readonly LocationHint[]>> = {
  EU: ["weur", "eeur", "enam"],
  AF: ["afr", "weur", "me", "eeur"],
  AS: ["apac", "apac-se", "apac-ne", "me", "eeur", "weur"],
  OC: ["oc", "apac", "apac-se", "wnam"],
  SA: ["sam", "enam", "wnam"],
  AN: ["oc", "sam", "afr"],
};

/** Always one of `regions`; the first of them when nothing is known about the client. */
export function regionOf(place: Place | undefined, regions: readonly LocationHint[]): LocationHint {
  const near = wishesOf(place).find((region) => regions.includes(region)) ?? regions[0];
  if (near === undefined) throw new Error("no regions are configured");
  return near;
}

function wishesOf(place: Place | undefined): readonly LocationHint[] {
  const continent = place?.continent ?? "";
  if (continent !== "NA") return byContinent[continent] ?? [];
  return Number(place?.longitude ?? 0) < middleOfNorthAmerica ? western : eastern;
}
