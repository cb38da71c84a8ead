-- OPPORTUNITIES_DB: the newest state of each opportunity and execution, written by the hot-cache consumer, pruned by the cron.
-- STRICT refuses a value of the wrong type instead of storing it; WITHOUT ROWID saves the hidden second key (a row write each).
-- `data` is the event's data as it stands. The other columns copy from it what is filtered and sorted; `estimated_profit` is
-- therefore a number here (approximate), while `data` keeps the exact decimal text.
-- (time_ms, rank, key) is the version: the greatest wins. (epoch, offset) is the position of that state in its stream.
CREATE TABLE IF NOT EXISTS opportunities (
  opportunity_id TEXT NOT NULL PRIMARY KEY CHECK (length(opportunity_id) > 0),
  chain TEXT NOT NULL,
  dex_a TEXT NOT NULL,
  dex_b TEXT NOT NULL,
  token_pair TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'executing', 'executed', 'expired', 'failed')),
  strategy_type TEXT,
  estimated_profit REAL NOT NULL,
  risk_score REAL NOT NULL,
  expires_ms INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  key TEXT NOT NULL,
  epoch TEXT NOT NULL,
  offset INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The one index, for every question about living opportunities: a list, `pending`, a snapshot. Rows whose end was never announced
-- stay until pruned (two hours), so by time_ms a page could walk a million of them; by expires_ms it walks the living only. SQLite
-- counts its entry when a row is inserted or updated among the living, not when it leaves them: a life that expires costs four rows.
CREATE INDEX IF NOT EXISTS opportunities_living ON opportunities (expires_ms) WHERE status <> 'expired';

-- No foreign key to opportunities: an execution may arrive before its opportunity, and outlives it by days.
CREATE TABLE IF NOT EXISTS executions (
  execution_id TEXT NOT NULL PRIMARY KEY CHECK (length(execution_id) > 0),
  opportunity_id TEXT NOT NULL,
  strategy_id TEXT,
  chain TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'submitted', 'confirmed', 'failed', 'reverted')),
  transaction_hash TEXT,
  actual_profit REAL,
  created_ms INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  key TEXT NOT NULL,
  epoch TEXT NOT NULL,
  offset INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- 50 K executions a day against 16 M opportunities: an index costs cents here, and a list without one would read 350 K rows.
CREATE INDEX IF NOT EXISTS executions_by_opportunity ON executions (opportunity_id);
CREATE INDEX IF NOT EXISTS executions_by_time ON executions (time_ms);
