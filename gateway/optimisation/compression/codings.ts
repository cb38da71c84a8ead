/** The content codings we can give a body. */

/** In the order we prefer them: zstd costs a fraction of the CPU of the others (`npm run bench -- compression`). */
export const codings = ["zstd", "br", "gzip"] as const;
export type Coding = (typeof codings)[number];
