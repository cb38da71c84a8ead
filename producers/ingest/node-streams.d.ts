/** The little of Node's streams and zlib that workerd provides and we use (see platform/node.d.ts). */
declare module "node:zlib" {
  interface Decoder extends AsyncIterable<Uint8Array> {
    destroy(error?: Error): void;
    push(piece: Uint8Array | null): boolean;
  }
  interface DecoderOptions {
    /** Bytes of output handed over at a time. */
    readonly chunkSize?: number;
    readonly params?: Readonly<Record<number, number>>;
  }
  export function createGunzip(options?: DecoderOptions): Decoder;
  export function createInflate(options?: DecoderOptions): Decoder;
  export function createBrotliDecompress(options?: DecoderOptions): Decoder;
  export function createZstdDecompress(options?: DecoderOptions): Decoder;
  /** For tests. */
  export function gzipSync(bytes: Uint8Array): Uint8Array;
  export function deflateSync(bytes: Uint8Array): Uint8Array;
  export function brotliCompressSync(bytes: Uint8Array): Uint8Array;
  export function zstdCompressSync(bytes: Uint8Array): Uint8Array;
  interface Constants {
    readonly ZSTD_d_windowLogMax: number;
  }
  export const constants: Constants;
}

declare module "node:stream" {
  interface Source {
    destroy(error?: Error): void;
  }
  export const Readable: { from(chunks: AsyncIterable<Uint8Array>, options: { readonly objectMode: false }): Source };
  /** `done` is told about the first error on either side; both sides are destroyed. */
  export function pipeline(source: Source, decoder: import("node:zlib").Decoder, done: (error?: Error) => void): void;
}
