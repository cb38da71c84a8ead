/** Dead letters as they are stored and as operators handle them. */
import { z } from "zod";

export const letterStates = ["kept", "redriven", "discarded"] as const;
export type LetterState = (typeof letterStates)[number];

/** A hash's first half, in hex: the name of a letter. */
export const LetterId = z.string().regex(/^[0-9a-f]{32}$/, "must be a dead letter's id: 32 hex digits");

/** The object in R2. Written once, never changed. */
export const StoredLetter = z.object({ v: z.literal(1), queue: z.string(), reason: z.string(), body: z.unknown() });
export type StoredLetter = z.infer<typeof StoredLetter>;

/** A row of the index. */
export const LetterRow = z.object({
  id: LetterId,
  queue: z.string(),
  reason: z.string(),
  parkedMs: z.int(),
  bytes: z.int(),
  object: z.string(),
  stream: z.string().nullable(),
  epoch: z.string().nullable(),
  first: z.int().nullable(),
  last: z.int().nullable(),
  attempts: z.int().nullable(),
  parks: z.int(),
  state: z.enum(letterStates),
  redrives: z.int(),
  handledMs: z.int().nullable(),
});
export type LetterRow = z.infer<typeof LetterRow>;

/** Redriven or discarded in one request: each is a read of R2 and a message. */
export const lettersMax = 100;
/** A letter is a queue message of at most 128,000 bytes; its correction may be no longer. */
export const redriveBytesMax = 300_000;
const commentCharsMax = 500;

const Comment = z.string().trim().max(commentCharsMax, `at most ${commentCharsMax} characters`);

/** One letter, as it is or corrected: `events` stand for its events one by one and keep their positions; `body` replaces a text that can't be read. */
export const RedriveBody = z
  .strictObject({
    events: z.array(z.record(z.string(), z.unknown())).min(1, "must not be empty").max(1_000).optional(),
    body: z.string().min(1, "must not be empty").optional(),
    comment: Comment.optional(),
  })
  .refine(({ events, body }) => events === undefined || body === undefined, { error: "give either events or a body", path: ["body"] });
export type RedriveBody = z.infer<typeof RedriveBody>;

/** Many, as they are: those named, or the oldest that wait. */
export const RedriveManyBody = z.strictObject({
  ids: z.array(LetterId).min(1, "must not be empty").max(lettersMax, `at most ${lettersMax}`).optional(),
  queue: z.string().min(1).max(64).optional(),
  limit: z.int().min(1).max(lettersMax).default(lettersMax),
});

/** Why is kept for whoever asks later. */
export const DiscardBody = z.strictObject({
  ids: z.array(LetterId).min(1, "must not be empty").max(lettersMax, `at most ${lettersMax}`),
  comment: Comment.min(1, "must say why"),
});
