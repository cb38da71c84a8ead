/** Bounds of tokens, sessions, keys and the audit log, each with its reason; all others are in limits.ts. */

/** A month: beyond it a stolen token outlives every reason to have minted it. */
export const tokenSecondsMax = 30 * 86_400;
export const tokenSecondsMin = 60;
/** A session lives a day (seed), or as long as a token of its that was asked to live longer. */
export const sessionSeconds = 24 * 3_600;
/** A refresh whose answer was lost is asked again: a client's timeout of ten seconds, and a second try. */
export const refreshGraceMs = 30_000;
/** Live sessions of one user of one client; his oldest one ends for a new one. */
export const userSessionsMax = 100;
/** Patterns of a channel map that is asked for or granted, and its size as JSON: claims are kept with every socket (4 KB for all). */
export const grantedPatternsMax = 64;
export const grantsBytesMax = 2_048;
/** Whoever mints: a page of them is all of them. */
export const apiClientsMax = 500;
/** A new key signs from then on: everybody who looks at the published ones every minute knows it by then. */
export const signingKeyAheadMs = 90_000;
/** Key pairs at a time: one a week for as long as a token may live is five. */
export const signingKeysMax = 16;
/** A session that is over is listed for as long, and an audit entry can be asked for; R2 keeps it. */
export const sessionKeptMs = 24 * 3_600_000;
export const auditKeptMs = 30 * 24 * 3_600_000;
/** Lines of one object of the audit log: about 300 bytes each. */
export const auditExportRowsMax = 5_000;
/** Objects of one cron: more wait for the next. */
export const auditExportsPerCronMax = 20;
