-- Executions that clients asked for, by the key under which each happens once. A row without an outcome is on its way until open_until_ms;
-- after that nobody knows how it went, and it is never sent again.
CREATE TABLE IF NOT EXISTS executions_once (
  key_hash TEXT NOT NULL PRIMARY KEY CHECK (length(key_hash) = 64),
  fingerprint TEXT NOT NULL,
  attempt TEXT NOT NULL,
  claimed_ms INTEGER NOT NULL,
  open_until_ms INTEGER NOT NULL,
  outcome TEXT CHECK (outcome IS NULL OR json_valid(outcome))
) STRICT, WITHOUT ROWID;

-- "What is too old to be kept", a few at a time.
CREATE INDEX IF NOT EXISTS executions_once_by_time ON executions_once (claimed_ms);
