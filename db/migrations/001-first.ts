/**
 * Schema version 1: the seven tables of the record (design: Record).
 * `json_valid(NULL)` is 0 before SQLite 3.43: without `IS NULL OR`, an older `sqlite3` would call sound rows damaged.
 */

export const SCHEMA_001 = `
CREATE TABLE runs (
  id                INTEGER PRIMARY KEY,
  started_at        TEXT    NOT NULL,
  btfmill_version   TEXT    NOT NULL,
  options           TEXT    NOT NULL CHECK (json_valid(options)),
  finished_at       TEXT,
  exit_code         INTEGER,
  published         INTEGER,
  already_published INTEGER,
  no_debug_info     INTEGER,
  failed            INTEGER,
  fetched_bytes     INTEGER,
  index_bytes       INTEGER,
  CHECK ((finished_at IS NULL) = (exit_code IS NULL))
) STRICT;

CREATE TABLE packages (
  id         INTEGER PRIMARY KEY,
  distro     TEXT    NOT NULL,
  release    TEXT    NOT NULL,
  arch       TEXT    NOT NULL,
  kernel     TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  version    TEXT    NOT NULL,
  format     TEXT    NOT NULL,
  url        TEXT    NOT NULL,
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  sha256     TEXT    NOT NULL CHECK (length(sha256) = 64),
  index_url  TEXT    NOT NULL,
  suite      TEXT    NOT NULL,
  trust      TEXT    NOT NULL CHECK (trust IN ('signed-index', 'signed-package', 'tls-only', 'insecure')),
  first_seen TEXT    NOT NULL,
  last_seen  TEXT    NOT NULL,
  UNIQUE (distro, release, arch, kernel, name, version, sha256)
) STRICT;

CREATE TABLE kernels (
  id             INTEGER PRIMARY KEY,
  distro         TEXT    NOT NULL,
  release        TEXT    NOT NULL,
  arch           TEXT    NOT NULL,
  kernel         TEXT    NOT NULL,
  state          TEXT    NOT NULL CHECK (state IN ('published', 'failed', 'no-debug-info', 'pending', 'withdrawn')),
  code           TEXT,
  reason         TEXT,
  package_id     INTEGER REFERENCES packages (id),
  source         TEXT    CHECK (source IN ('dwarf', 'native')),
  trust          TEXT    CHECK (trust IN ('signed-index', 'signed-package', 'tls-only', 'insecure')),
  build_id       TEXT,
  btf_sha256     TEXT    CHECK (length(btf_sha256) = 64),
  btf_size_bytes INTEGER,
  profile        TEXT,
  tool_versions  TEXT    CHECK (tool_versions IS NULL OR json_valid(tool_versions)),
  path           TEXT,
  tar_sha256     TEXT    CHECK (length(tar_sha256) = 64),
  tar_size_bytes INTEGER,
  type_count     INTEGER,
  types_by_kind  TEXT    CHECK (types_by_kind IS NULL OR json_valid(types_by_kind)),
  changed_at     TEXT    NOT NULL,
  published_at   TEXT,
  UNIQUE (distro, release, arch, kernel),
  CHECK ((state = 'failed') = (code IS NOT NULL)),
  CHECK (state <> 'withdrawn' OR reason IS NOT NULL),
  CHECK (state <> 'published' OR (
    package_id IS NOT NULL AND source IS NOT NULL AND trust IS NOT NULL AND btf_sha256 IS NOT NULL
    AND btf_size_bytes IS NOT NULL AND profile IS NOT NULL AND tool_versions IS NOT NULL AND path IS NOT NULL
    AND tar_sha256 IS NOT NULL AND tar_size_bytes IS NOT NULL AND type_count IS NOT NULL
    AND types_by_kind IS NOT NULL AND published_at IS NOT NULL))
) STRICT;

CREATE TABLE attempts (
  id            INTEGER PRIMARY KEY,
  kernel_id     INTEGER NOT NULL REFERENCES kernels (id) ON DELETE CASCADE,
  run_id        INTEGER NOT NULL REFERENCES runs (id),
  package_id    INTEGER NOT NULL REFERENCES packages (id),
  setup         TEXT    NOT NULL,
  started_at    TEXT    NOT NULL,
  finished_at   TEXT,
  outcome       TEXT    CHECK (outcome IN ('published', 'no-debug-info', 'failed', 'interrupted')),
  code          TEXT,
  message       TEXT,
  retry_after   TEXT,
  fetched_bytes INTEGER,
  CHECK ((finished_at IS NULL) = (outcome IS NULL)),
  CHECK ((outcome IS 'failed') = (code IS NOT NULL))
) STRICT;
CREATE INDEX attempts_by_kernel ON attempts (kernel_id, id);
CREATE INDEX attempts_by_run ON attempts (run_id);
CREATE INDEX attempts_under_way ON attempts (id) WHERE finished_at IS NULL;

CREATE TABLE step_timings (
  attempt_id   INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
  step         TEXT    NOT NULL CHECK (step IN ('fetch', 'unpack', 'convert', 'cross-check', 'store')),
  milliseconds REAL    NOT NULL,
  bytes        INTEGER NOT NULL,
  PRIMARY KEY (attempt_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE cross_checks (
  id                INTEGER PRIMARY KEY,
  attempt_id        INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
  against           TEXT    NOT NULL,
  verdict           TEXT    NOT NULL,
  details           TEXT    NOT NULL CHECK (json_valid(details)),
  first_differences TEXT    NOT NULL CHECK (json_valid(first_differences)),
  tolerated         TEXT    NOT NULL CHECK (json_valid(tolerated)),
  tool              TEXT,
  milliseconds      REAL    NOT NULL,
  checked_at        TEXT    NOT NULL
) STRICT;
CREATE INDEX cross_checks_by_attempt ON cross_checks (attempt_id);

CREATE TABLE http_validators (
  url           TEXT PRIMARY KEY,
  etag          TEXT,
  last_modified TEXT,
  sha256        TEXT NOT NULL CHECK (length(sha256) = 64),
  updated_at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;
