// Keeps the seed's addresses alive: *.arbitragex.pages.dev/{api/proxy,security,analytics,ws}/* go to the edge by its service binding, everything else
// is told where the edge is. Plain JavaScript, because Pages uploads it as it stands.
const forwarded = ["/api/proxy/", "/security/", "/analytics/", "/ws/"];

function isForwarded(pathname) {
  return forwarded.some((prefix) => pathname.startsWith(prefix) || pathname === prefix.slice(0, -1));
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(edgeUrl) {
  const socketUrl = `${edgeUrl.replace(/^http/, "ws")}/ws`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>ArbitrageX Edge</title>
<h1>The edge answers at <a href="${escaped(edgeUrl)}">${escaped(edgeUrl)}</a></h1>
<p>This address forwards <code>/api/proxy/*</code>, <code>/security/*</code>, <code>/analytics/*</code> and <code>/ws/*</code> there.</p>
<p>One line to change in the frontend: its hook <code>useUltraFastStreaming</code> opens <code>wss://arbitragex.workers.dev/ws</code>, which cannot be a
Worker's address. Write instead:</p>
<pre>const WS_URL = "${escaped(socketUrl)}";</pre></html>`;
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (isForwarded(url.pathname)) return env.EDGE.fetch(request);
    const headers = {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
    };
    return new Response(page(env.EDGE_URL), { status: url.pathname === "/" ? 200 : 404, headers });
  },
};
