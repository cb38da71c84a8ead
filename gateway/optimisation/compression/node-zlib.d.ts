/** What of node:zlib compresses (see platform/node.d.ts); producers/ingest/node-streams.d.ts has what inflates. */
declare module "node:zlib" {
  interface CoderOptions {
    readonly level?: number;
    /** How each piece that is written ends. */
    readonly flush?: number;
    readonly chunkSize?: number;
    /** zstd alone. */
    readonly pledgedSrcSize?: number;
    readonly params?: Readonly<Record<number, number>>;
  }
  interface Coder {
    on(event: "data", listener: (bytes: Uint8Array) => void): void;
    on(event: "error", listener: (error: Error) => void): void;
    once(event: "end", listener: () => void): void;
    write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
    flush(kind: number, done: () => void): void;
    end(): void;
    destroy(): void;
  }
  export function gzipSync(bytes: Uint8Array, options: CoderOptions): Uint8Array;
  export function brotliCompressSync(bytes: Uint8Array, options: CoderOptions): Uint8Array;
  export function zstdCompressSync(bytes: Uint8Array, options: CoderOptions): Uint8Array;
  export function createGzip(options: CoderOptions): Coder;
  export function createBrotliCompress(options: CoderOptions): Coder;
  export function createZstdCompress(options: CoderOptions): Coder;
  /** For tests. */
  export function gunzipSync(bytes: Uint8Array): Uint8Array;
  export function brotliDecompressSync(bytes: Uint8Array): Uint8Array;
  export function zstdDecompressSync(bytes: Uint8Array): Uint8Array;
  interface Constants {
    readonly BROTLI_OPERATION_FLUSH: number;
    readonly BROTLI_OPERATION_PROCESS: number;
    readonly BROTLI_PARAM_LGWIN: number;
    readonly BROTLI_PARAM_QUALITY: number;
    readonly BROTLI_PARAM_SIZE_HINT: number;
    readonly Z_NO_FLUSH: number;
    readonly Z_SYNC_FLUSH: number;
    readonly ZSTD_c_compressionLevel: number;
    readonly ZSTD_c_windowLog: number;
    readonly ZSTD_e_continue: number;
    readonly ZSTD_e_flush: number;
  }
}
