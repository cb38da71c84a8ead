/** Bounds of who may ask how often, and of what a request may be, each with its reason: the other half of limits.ts. */

// ---- limits on requests
/** RateLimiter objects a region's keys are spread over by their hash: at some 500 calls a second each, far above what a region asks. */
export const limiterShards = 64;
/** A request waits at most 250 ms for its limiter, which stands in its region: beyond, it costs more than it protects. */
export const limiterPatience = { steps: 5, stepMs: 50 } as const;
/** …and one that joined others' question for theirs and the one before. */
export const limiterQueuePatience = { steps: 12, stepMs: 50 } as const;
/** Keys one limiter remembers, about 10 MB. A key whose allowance is whole needs no memory, so only an attack comes near. */
export const limiterKeysMax = 50_000;
/** Leased tokens are used within this time, then what is left is brought back. */
export const limiterLeaseMs = 2_000;
/** …by then at the latest, or it counts as used: so long does an isolate that died, or is busy for seconds, keep them from the others. */
export const limiterLeaseReturnMs = 10_000;
/** An isolate that used a key this often within a second holds some of its tokens: below, a call for each is cheaper than what is lost. */
export const limiterHotRequests = 4;
/** Share of a burst that is not written down yet, at most: what a limiter that dies without notice may give back of a young debt. */
export const limiterUnsavedShare = 1 / 8;
/** What is owed is written this long after the last request: a quiet limiter is forgotten by the runtime after ten seconds. */
export const limiterSaveAfterMs = 1_000;
/** Keys an isolate remembers leases and refusals of. */
export const limiterEntriesMax = 10_000;
/** Requests a minute from one client that the Rate Limiting binding lets pass, as wrangler.toml has it: above the burst and the minute's
 *  refill of the default (150 and 67), so that it only stops what no limiter counts. */
export const firstLinePerMinute = 600;

// ---- what a request may be before anybody looks at it
/** An address with its query: a cursor takes 2,048, a token as a parameter up to 8,192 characters. */
export const urlCharsMax = 16_384;
/** Names and values of all headers: a token takes up to 8,192, a page's cookies and tracing some thousand. */
export const headerCharsMax = 32_768;
/** Client networks an isolate counts requests and offences of, about a megabyte each; the one longest unseen is forgotten first. */
export const networksMax = 10_000;

// ---- hot configuration
export const runtimeConfigBytesMax = 262_144;
/** Versions that can be looked at and gone back to. */
export const configVersionsKept = 50;
export const firewallRulesMax = 200;
/** Requests that rules are tried out on at once: an operator types them. */
export const firewallTrialsMax = 100;
/** Bans by operators that are live at a time: all travel with the configuration. */
export const bansMax = 1_000;
