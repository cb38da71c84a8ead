/** Addresses and networks of IPv4 and IPv6 as text and as something to compare. An IPv4 address written as IPv6 is the IPv4 address. */
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface Network {
  readonly kind: "ipv4" | "ipv6";
  readonly address: Address;
  readonly bits: number;
  /** One spelling for each network: "203.0.113.0/24". */
  readonly text: string;
}

/** The widest network that may be shut out by hand: what the largest providers hold. */
export const networkBitsMin = { ipv4: 8, ipv6: 16 } as const;

/** Dotted decimals or IPv6 without a zone; not the hexadecimal, octal and short forms that some parsers take. */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return text.includes(":") && !text.includes("%") && ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : undefined;
}

/** "203.0.113.0/24", "2001:db8::/32", or an address alone. Bits beyond the mask are dropped. */
export function parseNetwork(text: string): Network | undefined {
  const [, start = "", mask] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(start);
  if (address === undefined) return undefined;
  const kind = address.kind();
  const wholeBits = kind === "ipv4" ? 32 : 128;
  const bits = mask === undefined ? wholeBits : Number(mask);
  // A mapped address was cut to IPv4 while its mask still counts from the front of IPv6: ambiguous, so not taken.
  if (bits > wholeBits || (mask !== undefined && kind === "ipv4" && start.includes(":"))) return undefined;
  const first = masked(address, bits);
  return { kind, address: first, bits, text: `${first.toString()}/${bits}` };
}

export function contains(network: Network, address: Address): boolean {
  return address.kind() === network.kind && address.match(network.address, network.bits);
}

function masked(address: Address, bits: number): Address {
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
  return ipaddr.fromByteArray(bytes);
}
