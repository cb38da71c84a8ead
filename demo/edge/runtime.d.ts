/** What of the Worker's storage types the edge's own modules use, so that stores/ can be driven from Node. Taking the Worker's whole
 *  global scope instead would redeclare Node's. */
interface R2Stored {
  readonly key: string;
  readonly customMetadata?: Readonly<Record<string, string>>;
}

interface R2Bucket {
  head(key: string): Promise<R2Stored | null>;
  get(
    key: string,
  ): Promise<(R2Stored & { readonly body: ReadableStream<Uint8Array<ArrayBuffer>>; arrayBuffer(): Promise<ArrayBuffer> }) | null>;
  list(options: {
    readonly prefix?: string;
    readonly startAfter?: string;
  }): Promise<{ readonly objects: readonly R2Stored[]; readonly truncated: boolean }>;
  put(key: string, value: ArrayBuffer | string, options?: Readonly<Record<string, unknown>>): Promise<R2Stored | null>;
}
