/** Where a client stands. Cloudflare says so in `request.cf`; a local runtime knows one place only, so the bench names it in the query. */

const places: Readonly<Record<string, { continent: string; longitude: string }>> = {
  wnam: { continent: "NA", longitude: "-122.4" },
  enam: { continent: "NA", longitude: "-77.0" },
  weur: { continent: "EU", longitude: "4.9" },
  apac: { continent: "AS", longitude: "139.7" },
};

/** The request as Cloudflare would hand it over from that region. */
export function placed(request: Request): Request {
  const place = places[new URL(request.url).searchParams.get("bench_region") ?? ""];
  return place === undefined ? request : new Request(request, { cf: { ...request.cf, ...place } });
}
