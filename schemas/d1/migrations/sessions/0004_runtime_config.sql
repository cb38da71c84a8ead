-- What operators change while the edge runs: every version of the configuration, the newest one in force. A version is written once, so two
-- operators cannot both write the same one. Isolates read the copy in CONFIG_CACHE.
CREATE TABLE IF NOT EXISTS runtime_config (
  version INTEGER NOT NULL PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  comment TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;

-- Networks kept out by operators, each until a time.
CREATE TABLE IF NOT EXISTS bans (
  network TEXT NOT NULL PRIMARY KEY CHECK (length(network) > 0),
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
