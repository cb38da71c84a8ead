/** The little of npm's negotiator that we use; it brings no types. */
declare module "negotiator" {
  interface EncodingOptions {
    /** Decides between encodings that the client rates the same. */
    readonly preferred?: readonly string[];
  }
  export default class Negotiator {
    constructor(request: { readonly headers: { readonly "accept-encoding"?: string } });
    /** Those of `available` that are acceptable, the best first. */
    encodings(available: readonly string[], options?: EncodingOptions): string[];
  }
}
