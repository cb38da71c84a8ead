/** Every bound of a replay, each with its reason. */
import { logPartBytesMax, logPartRowsMax } from "./limits.ts";

/** Replays at a time: each reads with up to 48 MB and puts its load on what live traffic uses. */
export const replaysRunningMax = 4;
/** The longest window: as long as the hot cache keeps what it keeps longest (metrics), and a day. */
export const replayWindowMsMax = 31 * 24 * 3_600_000;
/** A finished replay can be looked up for as long. */
export const replayKeptMs = 30 * 24 * 3_600_000;
export const replayEntitiesMax = 100;
/** A hundred entities of 128 characters and the rest. */
export const replayBodyBytesMax = 32_768;
/** Events a second that a replay puts into a channel or a database beside live traffic: a fifth of what a channel takes alone
 *  (DESIGN 6), unless its operator says more. */
export const replayEventsPerSecond = 2_000;
/** …and at most: what a channel takes alone. A dry run has this one: it writes nothing. */
export const replayEventsPerSecondMax = 25_000;
/** Faster than ×1000 is instant; slower than a tenth is a mistake. */
export const replayFactorMin = 0.1;
export const replayFactorMax = 1_000;
/** One hand-over to a sink: a row of the channel's log, a statement of D1. */
export const replayBatchLines = 500;
export const replayBatchChars = 500_000;
/** Lines and characters of one slice, which is one step of the Workflow: four blocks of the reader, as the one in which it ends is read
 *  again. A million lines are eight steps. */
export const replaySliceLines = 4 * logPartRowsMax;
export const replaySliceChars = 4 * logPartBytesMax;
/** A slice ends by then: far from a step's ten minutes. */
export const replaySliceMs = 60_000;
/** Waits of a slice itself; longer ones are the Workflow's, which costs nothing while it sleeps. */
export const replayWaitMs = 5_000;
/** The longest sleep: then it looks whether it is to pause or to stop. */
export const replaySleepMs = 60_000;
/** How often a slice writes down how far it is, and hears of a pause. */
export const replaySaveMs = 2_000;
/** Slices of one Workflow instance, which takes 10,000 steps (PLATFORM): another goes on. */
export const replaySlicesPerInstance = 1_000;
/** A replay that runs and has not been heard of for as long does not hear either: an operator's word holds at once. It sleeps a minute at most. */
export const replayDeafMs = 5 * 60_000;
/** …whose Workflow is asked after, and is lost unless it is at work: comparing tables and retries take minutes. */
export const replaySilentMs = 20 * 60_000;
/** …which is lost whatever its Workflow says: a step ends after half an hour. */
export const replayLostMs = 60 * 60_000;
/** Hours whose manifests one step reads: a week. */
export const replayPlanHours = 7 * 24;
/** Holes and objects set aside that a result names; all are counted. */
export const replayNamedMax = 100;
/** Lines of a dry run's sample, and the characters of one that is shown whole. */
export const replaySampleLines = 10;
export const replaySampleChars = 4_096;
/** A histogram by the minute for up to a day, by the hour beyond: 1,440 bars or 744. */
export const replayMinutesMs = 24 * 3_600_000;
/** Rows in which a rebuilt table differs from the live one that a result names; all are counted. */
export const replayDifferencesMax = 20;
/** Rows so near to the prune horizon are not compared: the cron's clock may have pruned them. */
export const replayPruneMarginMs = 60_000;
