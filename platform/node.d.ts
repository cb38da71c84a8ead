/** The little of Node's modules that workerd provides and we use; @types/node would redeclare the Worker's own globals. */
declare module "node:crypto" {
  interface Hash {
    update(data: string | Uint8Array): Hash;
    digest(encoding: "hex" | "base64url"): string;
    digest(): Uint8Array;
  }
  export function createHash(algorithm: "sha256"): Hash;
  export function createHmac(algorithm: "sha256", key: string | Uint8Array): Hash;
  /** Constant-time comparison of two views of equal length. */
  export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
}

declare module "node:buffer" {
  export const Buffer: { byteLength(text: string): number };
}
