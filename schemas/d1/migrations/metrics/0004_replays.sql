-- Replays of the log: what was ordered, how far it is, what came of it. Kept for a month after the end: some hundred rows.
-- `run` grows with each resume and `leg` with each Workflow instance of a run, so that an instance that was left behind can change nothing; `wanted` is what an operator asked of a running one.
-- `spec`, `checkpoint` and `result` are JSON (schemas/replay.ts).
CREATE TABLE IF NOT EXISTS replays (
  id TEXT NOT NULL PRIMARY KEY,
  mode TEXT NOT NULL CHECK (mode IN ('channel', 'rebuild', 'dry-run')),
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'cancelled', 'done', 'failed')),
  wanted TEXT CHECK (wanted IN ('pause', 'cancel')),
  run INTEGER NOT NULL,
  leg INTEGER NOT NULL DEFAULT 0,
  requested_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  started_ms INTEGER,
  ended_ms INTEGER,
  touched_ms INTEGER NOT NULL,
  spec TEXT NOT NULL,
  checkpoint TEXT,
  result TEXT,
  error TEXT
) STRICT, WITHOUT ROWID;
