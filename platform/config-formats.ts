/** What a variable's text must look like: addresses, origins, secrets. Which variable needs which is decided in config.ts. */

/** Standard Webhooks: 24 to 64 random bytes, written as base64 behind this prefix. */
const webhookPrefix = "whsec_";
const webhookSecretBytesMin = 24;
export const webhookSecretRule = `must be "${webhookPrefix}" and base64, or plain text, of at least ${webhookSecretBytesMin} bytes`;

/** A Standard Webhooks secret is base64 behind its prefix. */
export function keyText(secret: string): string {
  const encoded = secret.startsWith(webhookPrefix) ? secret.slice(webhookPrefix.length) : undefined;
  return encoded !== undefined && isBase64(encoded) ? atob(encoded) : secret;
}

export function isWebhookSecret(secret: string): boolean {
  const isReadable = !secret.startsWith(webhookPrefix) || isBase64(secret.slice(webhookPrefix.length));
  return isReadable && keyText(secret).length >= webhookSecretBytesMin;
}

function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
}

export function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** Whoever can change keys on their way can sign as anybody. A key server on the own machine is for development. */
export function isSecureUrl(text: string): boolean {
  return isSecure(text, "http");
}

/** A token travels over it. */
export function isSecureSocket(text: string): boolean {
  return isSecure(text, "ws");
}

function isSecure(text: string, scheme: "http" | "ws"): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === `${scheme}s:` || (protocol === `${scheme}:` && ["localhost", "127.0.0.1"].includes(hostname));
}

/** Cloudflare's seven continents; prefixed, because NA, AS, AF and SA are countries too. */
const continents = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];
export const placeRule = `must list countries such as "DE", or continents such as "continent:EU" (${continents.join(", ")})`;

/** T1 is Cloudflare's name for Tor. */
export function isCountryOrContinent(text: string): boolean {
  const [, continent] = /^continent:(.*)$/.exec(text) ?? [];
  return continent === undefined ? /^(?:[A-Z]{2}|T1)$/.test(text) : continents.includes(continent);
}
