/** What the log needs of workerd's zlib beyond the declarations beside producers/ingest (see platform/node.d.ts). */
declare module "node:zlib" {
  /** Throws a RangeError rather than make more than `maxOutputLength` bytes. */
  export function gunzipSync(bytes: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array;
}
