/** Where clients are and how far regions are apart. Both tables are illustrations, good to about a fifth: what a run says of distance is
 *  no promise of Cloudflare's. */
import { regionOf, type Place } from "../gateway/region.ts";
import { locationHints, type LocationHint } from "../platform/config.ts";

/** The first four are those of wrangler.toml, the others follow by the users they are nearest to. */
export const regionsInOrder: readonly LocationHint[] = [
  "wnam",
  "enam",
  "weur",
  "apac",
  "apac-ne",
  "apac-se",
  "eeur",
  "sam",
  "afr",
  "me",
  "oc",
];

/** Millions of internet users, rounded: ITU's share of individuals who use the Internet times the UN's population, about 2021 to 2023.
 *  Countries that hold some nine tenths of all users. */
const internetUsersMillions =
  "CN 1050 IN 692 US 311 ID 213 BR 182 RU 128 NG 122 JP 103 MX 101 PK 87 PH 85 EG 79 VN 73 DE 76 TR 70 BD 66 IR 66 GB 65 FR 57 TH 61 " +
  "IT 48 KR 50 ES 45 ZA 42 CO 38 AR 40 CA 36 PL 33 MA 32 SA 35 UA 33 MY 32 DZ 32 UZ 27 PE 25 IQ 35 AU 25 ET 20 KE 17 GH 23 TW 21 VE 20 " +
  "NL 17 RO 17 CL 18 KZ 17 MM 24 LK 11 EC 13 SE 10 CZ 9 BE 11 PT 9 AE 9 CH 8 AT 8 GR 8 HU 8 IL 8 SG 5 HK 7 NO 5 DK 6 FI 5 IE 5 NZ 5 TZ 20 UG 10 SN 10 CI 12";

/** Wide countries lie on two sides: the share of their users in the west, and a longitude on either side. */
const wide: Readonly<Record<string, { readonly west: number; readonly longitudes: readonly [string, string] }>> = {
  US: { west: 0.3, longitudes: ["-118", "-80"] },
  CA: { west: 0.3, longitudes: ["-122", "-77"] },
  MX: { west: 0.25, longitudes: ["-104", "-99"] },
};

export interface Cohort {
  readonly name: string;
  readonly place: Place;
  readonly weight: number;
}

/** Clients who are placed alike. */
export const cohorts: readonly Cohort[] = [...internetUsersMillions.matchAll(/([A-Z]{2}) (\d+)/g)].flatMap(([, country = "", millions]) => {
  const weight = Number(millions);
  const sides = wide[country];
  if (sides === undefined) return [{ name: country, place: { country }, weight }];
  const [west, east] = sides.longitudes;
  return [
    { name: `${country} west`, place: { country, longitude: west }, weight: weight * sides.west },
    { name: `${country} east`, place: { country, longitude: east }, weight: weight * (1 - sides.west) },
  ];
});

/** One way within a region, and from a client to the data centre beside it. */
const localMs = 1;
export const lastMileMs = 15;

/** One way between regions in milliseconds, from each to those after it in `columns`. Illustrative. */
const columns: readonly LocationHint[] = ["wnam", "enam", "sam", "weur", "eeur", "me", "afr", "apac", "apac-ne", "apac-se", "oc"];
const oneWayMs: Readonly<Record<LocationHint, readonly number[]>> = {
  wnam: [32, 88, 70, 85, 115, 145, 112, 54, 88, 72],
  enam: [58, 40, 54, 92, 112, 98, 80, 112, 100],
  sam: [95, 108, 150, 170, 152, 130, 165, 155],
  weur: [14, 58, 78, 62, 112, 84, 128],
  eeur: [55, 88, 70, 120, 92, 138],
  me: [85, 20, 85, 48, 95],
  afr: [110, 165, 125, 190],
  apac: [62, 30, 76],
  "apac-ne": [36, 54],
  "apac-se": [46],
  oc: [],
};

export function distanceMs(from: LocationHint, to: LocationHint): number {
  const [a, b] = [columns.indexOf(from), columns.indexOf(to)].toSorted((x, y) => x - y);
  if (a === undefined || b === undefined || a === b) return localMs;
  const row = columns[a];
  return (row === undefined ? undefined : oneWayMs[row][b - a - 1]) ?? localMs;
}

export function isHint(text: string): text is LocationHint {
  return (locationHints as readonly string[]).includes(text);
}

const homes = new Map<string, LocationHint>();

/** The region a client would have if all existed. */
export function homeOf({ name, place }: Cohort): LocationHint {
  const home = homes.get(name) ?? regionOf(place, locationHints);
  homes.set(name, home);
  return home;
}
