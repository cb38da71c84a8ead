import { expect, it } from "vitest";
import { locationHints } from "../platform/config.ts";
import { hintsOfCountry } from "./countries.ts";
import { regionOf, regionsOf, type Place } from "./region.ts";

const configured = ["wnam", "enam", "weur", "apac"] as const;

/** ISO 3166-1 alpha-2, all 249. */
const countries = (
  "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK " +
  "CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS " +
  "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV " +
  "LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM " +
  "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR " +
  "TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
).split(" ");

it("knows every country of ISO 3166-1, and the list above is that list", () => {
  expect(countries.length).toBe(249);
  expect(countries.filter((country) => hintsOfCountry(country) === undefined)).toEqual([]);
  const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
  expect(countries.filter((country) => names.of(country) === undefined)).toEqual([]);
});

it("gives every client every configured region exactly once, nearest first", () => {
  const places: (Place | undefined)[] = [undefined, {}, { country: "XX" }, { country: "T1", continent: "T1" }];
  places.push(...countries.map((country) => ({ country })), ...countries.map((country) => ({ country, longitude: "-120" })));
  places.push(...["NA", "EU", "AF", "AS", "OC", "SA", "AN"].map((continent) => ({ continent })));
  for (const place of places) {
    expect(regionsOf(place, locationHints).toSorted(), JSON.stringify(place)).toEqual([...locationHints].toSorted());
    expect(regionsOf(place, configured).toSorted(), JSON.stringify(place)).toEqual([...configured].toSorted());
    for (const only of locationHints) expect(regionsOf(place, [only])).toEqual([only]);
  }
});

it.each<[string, Place, string[]]>([
  ["San Francisco", { country: "US", regionCode: "CA", longitude: "-122.4" }, ["wnam", "enam", "weur", "apac"]],
  ["New York", { country: "US", regionCode: "NY", longitude: "-74.0" }, ["enam", "wnam", "weur", "apac"]],
  ["Washington state, without coordinates", { country: "US", regionCode: "WA" }, ["wnam", "enam", "weur", "apac"]],
  ["Virginia, without coordinates", { country: "US", regionCode: "VA", longitude: "" }, ["enam", "wnam", "weur", "apac"]],
  ["Vancouver", { country: "CA", regionCode: "BC" }, ["wnam", "enam", "weur", "apac"]],
  ["Toronto", { country: "CA", longitude: "-79.4" }, ["enam", "wnam", "weur", "apac"]],
  ["Tijuana", { country: "MX", longitude: "-117.0" }, ["wnam", "enam", "weur", "apac"]],
  ["Germany", { country: "DE", continent: "EU" }, ["weur", "enam", "wnam", "apac"]],
  ["Brazil", { country: "BR" }, ["enam", "wnam", "weur", "apac"]],
  ["Nigeria", { country: "NG" }, ["weur", "enam", "apac", "wnam"]],
  ["Japan", { country: "JP" }, ["apac", "wnam", "enam", "weur"]],
  ["Australia", { country: "AU" }, ["apac", "wnam", "enam", "weur"]],
  ["the Emirates", { country: "AE" }, ["weur", "apac", "enam", "wnam"]],
  ["an unknown country of Asia", { country: "XX", continent: "AS" }, ["apac", "wnam", "weur", "enam"]],
  ["an unknown place west in North America", { continent: "NA", longitude: "-122.4" }, ["wnam", "enam", "weur", "apac"]],
  ["Tor", { country: "T1", continent: "T1" }, ["wnam", "enam", "weur", "apac"]],
])("serves a client in %s in this order", (_, place, order) => {
  expect(regionsOf(place, configured)).toEqual(order);
});

it("takes a nearer region when there is one", () => {
  const firstOf = (place: Place): string => regionOf(place, locationHints);
  expect([firstOf({ country: "BR" }), firstOf({ country: "ZA" }), firstOf({ country: "JP" }), firstOf({ country: "SG" })]).toEqual([
    "sam",
    "afr",
    "apac-ne",
    "apac-se",
  ]);
});

it("a client of whom nothing is known goes to the first region", () => {
  expect(regionOf(undefined, ["apac", "weur"])).toBe("apac");
  expect(() => regionOf(undefined, [])).toThrow("no regions are configured");
});
