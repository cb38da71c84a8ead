/** How an execution that was asked for went, as it is kept for those who ask again. */
import { z } from "zod";
import { httpStatusOf } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";

const Code = z.enum(Object.keys(httpStatusOf) as [ErrorCode, ...ErrorCode[]]);

export const ExecutionOutcome = z.discriminatedUnion("kind", [
  /** The backend took it and said so. `body` is its JSON as it came. */
  z.object({ v: z.literal(1), kind: z.literal("answered"), status: z.int().min(200).max(299), body: z.string() }),
  /** It did not do it, and would say the same again. */
  z.object({
    v: z.literal(1),
    kind: z.literal("refused"),
    code: Code,
    status: z.int(),
    message: z.string(),
    details: z.unknown().optional(),
  }),
  /** Sent, and nobody knows more. */
  z.object({ v: z.literal(1), kind: z.literal("unknown"), code: Code, status: z.int() }),
]);
export type ExecutionOutcome = z.infer<typeof ExecutionOutcome>;
