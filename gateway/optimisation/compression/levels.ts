/** How hard each coding tries, by what is known of the size. Measured on recorded events and on this API's answers (`npm run bench --
 *  compression`): past these levels a body shrinks by less than a hundredth for half again the CPU. */
import type { Kind } from "./kinds.ts";
import type { Coding } from "./codings.ts";

type Zlib = typeof import("node:zlib");
type CoderOptions = import("node:zlib").CoderOptions;

/** What is compressed in one call is known in size; undefined for a stream. */
export interface Piecework {
  readonly bytes: number | undefined;
  readonly reading: Kind;
}

/** Up to here a body is small enough to try harder. */
const smallBytesMax = 65_536;
/** A stream's window: 1 MiB. With the largest, encoders of every stream there may be would need a third of the isolate's memory. */
const streamWindowLog = 20;
/** Encoders clear tables as large as their window allows: for 2 KB with the usual megabytes brotli takes three times as long. */
const windowLogMin = 16;
const windowLogMax = 22;

export function optionsOf({ constants }: Zlib, coding: Coding, { bytes, reading }: Piecework): CoderOptions {
  const isSmall = bytes !== undefined && bytes <= smallBytesMax;
  const window = bytes === undefined ? streamWindowLog : Math.min(windowLogMax, Math.max(windowLogMin, Math.ceil(Math.log2(bytes))));
  const isFlushed = reading === "lines" && bytes === undefined;
  switch (coding) {
    case "zstd":
      return {
        flush: isFlushed ? constants.ZSTD_e_flush : constants.ZSTD_e_continue,
        // The level that zlib takes by itself, 3, makes our answers no smaller and costs half as much again.
        params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: window },
        // Else a stream's encoder makes ready for megabytes.
        ...(bytes === undefined ? {} : { pledgedSrcSize: bytes }),
      };
    case "br":
      return {
        flush: isFlushed ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_PROCESS,
        params: {
          [constants.BROTLI_PARAM_QUALITY]: isSmall ? 5 : 4,
          [constants.BROTLI_PARAM_LGWIN]: window,
          ...(bytes === undefined ? {} : { [constants.BROTLI_PARAM_SIZE_HINT]: bytes }),
        },
      };
    case "gzip":
      return { flush: isFlushed ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH, level: isSmall ? 6 : 5 };
  }
}
