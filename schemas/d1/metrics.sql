-- METRICS_DB: what the backend measures, and the index of dead letters.
-- A metric is its own entity: `id` is the event's key (hash of source and id), so a repeat writes nothing.
-- `value` is a number to aggregate over; `data` keeps the exact decimal text.
CREATE TABLE IF NOT EXISTS performance_metrics (
  id TEXT NOT NULL PRIMARY KEY,
  metric_type TEXT NOT NULL,
  value REAL NOT NULL,
  chain TEXT,
  strategy_id TEXT,
  aggregation_period TEXT CHECK (aggregation_period IN ('1m', '5m', '1h', '1d')),
  time_ms INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  key TEXT NOT NULL,
  epoch TEXT NOT NULL,
  offset INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each message or event that could not be processed; the raw body lies in R2 under `object`.
-- `id` is a hash of queue, body and reason: parking the same thing twice is one row. `parks` counts how often it was kept: a letter that is
-- sent again and fails again is waiting again.
CREATE TABLE IF NOT EXISTS dead_letters (
  id TEXT NOT NULL PRIMARY KEY,
  queue TEXT NOT NULL,
  reason TEXT NOT NULL,
  parked_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  object TEXT NOT NULL,
  stream TEXT,
  epoch TEXT,
  first INTEGER,
  last INTEGER, attempts INTEGER, parks INTEGER NOT NULL DEFAULT 1,
  state TEXT NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'redriven', 'discarded')), redrives INTEGER NOT NULL DEFAULT 0,
  handled_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Dead letters are rare and read newest first by an operator.
CREATE INDEX IF NOT EXISTS dead_letters_by_time ON dead_letters (parked_ms);

-- Hours of the log that are to be compacted or whose raw objects are still to be deleted: a few days of rows. `hour` counts from 1970.
-- `marks` grows with every object that came; a compaction covers those it had seen. marks > done: the hour is dirty.
CREATE TABLE IF NOT EXISTS log_hours (
  stream TEXT NOT NULL CHECK (length(stream) > 0),
  hour INTEGER NOT NULL,
  marks INTEGER NOT NULL,
  marked_ms INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  compacted_ms INTEGER,
  PRIMARY KEY (stream, hour)
) STRICT, WITHOUT ROWID;

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
