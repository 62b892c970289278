/**
 * Schema version 2: packages of repositories whose checksums are not SHA-256 (`digest` is `<algorithm>:<hex>`), and
 * what a package's digest rests on before its own signature is looked at; the step that looks at it, who signed, and
 * what has shown that a vmlinux is the kernel it is called. Rebuilt as lang_altertable.html §7 says.
 */

export const SCHEMA_002 = `
CREATE TABLE packages_002 (
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
  digest     TEXT    NOT NULL CHECK (
    digest GLOB 'sha1:*' AND length(digest) = 45 OR digest GLOB 'sha256:*' AND length(digest) = 71
    OR digest GLOB 'sha512:*' AND length(digest) = 135),
  index_url  TEXT    NOT NULL,
  suite      TEXT    NOT NULL,
  trust      TEXT    NOT NULL CHECK (trust IN ('signed-index', 'tls-only', 'unanchored', 'insecure')),
  first_seen TEXT    NOT NULL,
  last_seen  TEXT    NOT NULL,
  UNIQUE (distro, release, arch, kernel, name, version, digest)
) STRICT;
INSERT INTO packages_002
  SELECT id, distro, release, arch, kernel, name, version, format, url, size_bytes, 'sha256:' || sha256,
    index_url, suite, iif(trust = 'signed-package', 'unanchored', trust), first_seen, last_seen
  FROM packages;
DROP TABLE packages;
ALTER TABLE packages_002 RENAME TO packages;

CREATE TABLE step_timings_002 (
  attempt_id   INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
  step         TEXT    NOT NULL CHECK (step IN ('fetch', 'verify', 'unpack', 'convert', 'cross-check', 'store')),
  milliseconds REAL    NOT NULL,
  bytes        INTEGER NOT NULL,
  PRIMARY KEY (attempt_id, step)
) STRICT, WITHOUT ROWID;
INSERT INTO step_timings_002 SELECT attempt_id, step, milliseconds, bytes FROM step_timings;
DROP TABLE step_timings;
ALTER TABLE step_timings_002 RENAME TO step_timings;

ALTER TABLE kernels ADD COLUMN signer TEXT;
ALTER TABLE kernels ADD COLUMN name_proof TEXT CHECK (name_proof IN ('path', 'path+banner'));
`;
