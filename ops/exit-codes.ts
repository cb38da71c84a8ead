/** What an exit code says. Scripts depend on them: they change additively, as the wire does. */

export const exitCodes = {
  ok: 0,
  /** The operation failed, or what was checked is not in order. */
  failed: 1,
  /** Asked wrongly: an unknown option, or a parameter that the edge refuses. */
  usage: 2,
  /** No edge answered. */
  unreachable: 3,
  /** No key, a wrong one, or one that may not do this. */
  refused: 4,
  notFound: 5,
  /** Somebody else was faster, or the state does not allow it. */
  conflict: 6,
  /** Ctrl-C: 128 and the signal's number, as shells expect. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes:
  0    done                         4    no key, or one that may not do this
  1    it failed, or a check did    5    there is no such thing
  2    asked wrongly                6    conflict: somebody was faster, or the state forbids it
  3    no edge answered             130  interrupted by Ctrl-C`;
