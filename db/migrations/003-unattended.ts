/**
 * Schema version 3: kernels that were taken over from somebody else's archive, of which nobody knows the package; and
 * what became of each index in each run, from which a report, and the age of what is known, can be told.
 */

export const SCHEMA_003 = `
CREATE TABLE kernels_003 (
  id             INTEGER PRIMARY KEY,
  distro         TEXT    NOT NULL,
  release        TEXT    NOT NULL,
  arch           TEXT    NOT NULL,
  kernel         TEXT    NOT NULL,
  state          TEXT    NOT NULL CHECK (state IN ('published', 'failed', 'no-debug-info', 'pending', 'withdrawn')),
  code           TEXT,
  reason         TEXT,
  package_id     INTEGER REFERENCES packages (id),
  source         TEXT    CHECK (source IN ('dwarf', 'native', 'imported')),
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
  signer         TEXT,
  name_proof     TEXT    CHECK (name_proof IN ('path', 'path+banner')),
  UNIQUE (distro, release, arch, kernel),
  CHECK ((state = 'failed') = (code IS NOT NULL)),
  CHECK (state <> 'withdrawn' OR reason IS NOT NULL),
  CHECK (state <> 'published' OR (
    source IS NOT NULL AND btf_sha256 IS NOT NULL AND btf_size_bytes IS NOT NULL AND path IS NOT NULL
    AND tar_sha256 IS NOT NULL AND tar_size_bytes IS NOT NULL AND type_count IS NOT NULL
    AND types_by_kind IS NOT NULL AND published_at IS NOT NULL)),
  CHECK (state <> 'published' OR source = 'imported' OR (
    package_id IS NOT NULL AND trust IS NOT NULL AND profile IS NOT NULL AND tool_versions IS NOT NULL))
) STRICT;
INSERT INTO kernels_003
  SELECT id, distro, release, arch, kernel, state, code, reason, package_id, source, trust, build_id, btf_sha256,
    btf_size_bytes, profile, tool_versions, path, tar_sha256, tar_size_bytes, type_count, types_by_kind, changed_at,
    published_at, signer, name_proof
  FROM kernels;
DROP TABLE kernels;
ALTER TABLE kernels_003 RENAME TO kernels;

CREATE TABLE index_reads (
  id      INTEGER PRIMARY KEY,
  run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  distro  TEXT    NOT NULL,
  release TEXT    NOT NULL,
  suite   TEXT    NOT NULL,
  at      TEXT    NOT NULL,
  asked   TEXT    NOT NULL,
  arch    TEXT,
  url     TEXT,
  trust   TEXT,
  signer  TEXT,
  made_at TEXT,
  kernels INTEGER,
  code    TEXT,
  message TEXT,
  CHECK ((code IS NULL) = (kernels IS NOT NULL))
) STRICT;
CREATE INDEX index_reads_by_run ON index_reads (run_id);
CREATE INDEX index_reads_by_suite ON index_reads (distro, release, suite, arch, id);
`;
