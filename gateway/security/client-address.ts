/** Whose a request is, as far as the network tells. Cloudflare names the client's address and drops what a client says of it; where nobody
 *  does, as in tests, it is not known. */
import { parseAddress } from "../../platform/network.ts";

/** The longest way to write an IPv6 address. */
const addressCharsMax = 45;

export function addressOf(headers: Headers): string | undefined {
  return headers.get("cf-connecting-ip")?.slice(0, addressCharsMax);
}

/** What one client has: an IPv4 address, or the /64 in which an IPv6 client picks addresses as it likes. Pure. */
export function networkOf(text: string): string {
  if (!text.includes(":")) return text.slice(0, addressCharsMax);
  const address = parseAddress(text);
  if (address === undefined) return text.slice(0, addressCharsMax);
  if (!("parts" in address)) return address.toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}
