/** What of the Worker's storage types the edge's own modules use, so that stores/ can be driven from Node. Taking the Worker's whole
 *  global scope instead would redeclare Node's. */
interface R2Object {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  readonly uploaded: Date;
  readonly customMetadata?: Readonly<Record<string, string>>;
}

interface R2Body extends R2Object {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  arrayBuffer(): Promise<ArrayBuffer>;
  text(): Promise<string>;
}

interface R2ListOptions {
  readonly prefix?: string;
  readonly startAfter?: string;
  readonly cursor?: string;
  readonly limit?: number;
  readonly include?: ("customMetadata" | "httpMetadata")[];
}

type R2Objects = { readonly objects: readonly R2Object[] } & (
  | { readonly truncated: true; readonly cursor: string }
  | { readonly truncated: false }
);

interface R2Bucket {
  head(key: string): Promise<R2Object | null>;
  get(key: string): Promise<R2Body | null>;
  list(options: R2ListOptions): Promise<R2Objects>;
  put(
    key: string,
    value: ArrayBuffer | Uint8Array | ReadableStream | string,
    options?: Readonly<Record<string, unknown>>,
  ): Promise<R2Object | null>;
  delete(keys: string | string[]): Promise<void>;
}
