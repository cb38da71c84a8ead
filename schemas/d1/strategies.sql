-- STRATEGIES_DB: the newest state of each strategy, written by the hot-cache consumer. Few rows, never pruned, so no index.
-- (time_ms, rank, key) is the version: the greatest wins. (epoch, offset) is the position of that state in its stream.
CREATE TABLE IF NOT EXISTS strategies (
  strategy_id TEXT NOT NULL PRIMARY KEY CHECK (length(strategy_id) > 0),
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
  modified_ms INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  key TEXT NOT NULL,
  epoch TEXT NOT NULL,
  offset INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;
