/** Which location hints are near which country: every code of ISO 3166-1, once. The first hint is home, the others come next; what
 *  follows them is region.ts's. North America is wide: there the client's longitude or its state decides. */
import type { LocationHint } from "../platform/config.ts";
import type { Place } from "./region.ts";

/** Hints, nearest first, and the countries they are nearest to. */
const table: readonly (readonly [hints: readonly LocationHint[], countries: string])[] = [
  [["enam", "wnam"], "US CA MX BM PM GL BS BB CU DO HT JM PR TC KY VG VI AI AG BL DM GD GP KN LC MF MQ MS SX VC TT AW BQ CW"],
  [["enam", "sam"], "BZ CR SV GT HN NI PA CO VE"],
  [["sam", "enam"], "AR BO BR CL EC FK GF GS GY PE PY SR UY BV"],
  [["weur", "enam"], "IS IE PT FO"],
  [["weur", "eeur"], "AD AT BE CH DE DK ES FR GB GG GI IM IT JE LI LU MC MT NL NO SE SJ SM VA AX"],
  [["eeur", "weur"], "AL BA BG BY CY CZ EE FI GR HR HU LT LV MD ME MK PL RO RS SI SK UA"],
  [["eeur", "me"], "AM AZ GE RU TR"],
  [["weur", "afr"], "CV DZ EH MA MR TN SN GM GW GN ML LY"],
  [["afr", "weur"], "AO BF BJ CD CF CG CI CM GA GH GQ LR NE NG SL SH ST TD TG"],
  [["afr", "me"], "BI BW KE KM LS MG MU MW MZ NA RE RW SC SZ TF TZ UG YT ZA ZM ZW"],
  [["me", "eeur"], "AE BH IL IQ IR JO KW LB OM PS QA SA SY YE EG"],
  [["me", "afr"], "DJ ER ET SD SO SS"],
  [["eeur", "apac"], "KG KZ TJ TM UZ"],
  [["apac", "me"], "AF PK"],
  [["apac", "apac-se"], "BD BT IN IO LK MV NP"],
  [["apac-ne", "apac"], "CN HK JP KP KR MN MO TW"],
  [["apac-se", "apac"], "BN ID KH LA MM MY PH SG TH TL VN CC CX"],
  [["oc", "apac-se"], "AQ AU HM NF NZ"],
  [["oc", "apac-se", "wnam"], "AS CK FJ KI NC NR NU PF PG PN SB TK TO TV VU WF WS"],
  [["apac-ne", "oc"], "FM GU MH MP PW"],
  [["wnam", "oc"], "UM"],
];

const byCountry = new Map(table.flatMap(([hints, countries]) => countries.split(" ").map((country) => [country, hints] as const)));

export function hintsOfCountry(country: string): readonly LocationHint[] | undefined {
  return byCountry.get(country);
}

/** Halfway between the two coasts' data centres (122° and 77° W). */
const middleLongitude = -100;
const wideCountries = new Set(["US", "CA", "MX"]);

/** States and provinces whose middle lies west of it, for a client without coordinates. */
const westernRegions: Readonly<Record<string, string>> = {
  US: "AK AZ CA CO HI ID MT NM NV OR UT WA WY ND SD",
  CA: "AB BC NT SK YT",
  MX: "BCN BCS CHH COL DUR JAL NAY SIN SON ZAC",
};

/** Whether a client of a wide country is nearer to the west coast; undefined for every other country. */
export function isWestern({ country = "", continent, regionCode = "", longitude }: Place): boolean | undefined {
  // A continent without a country is placed by longitude as well.
  const isWide = wideCountries.has(country) || (country === "" && continent === "NA");
  if (!isWide) return undefined;
  const degrees = longitude === undefined || longitude.trim() === "" ? Number.NaN : Number(longitude);
  if (Number.isFinite(degrees)) return degrees < middleLongitude;
  return westernRegions[country]?.split(" ").includes(regionCode) ?? false;
}
