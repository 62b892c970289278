/**
 * The record as the archive publishes it: every kernel with its state and where it came from, in one table that needs
 * no joins. Paths of this machine, validators and the history of attempts stay at home.
 */

import type { Database } from 'better-sqlite3';

const CREATE = `
CREATE TABLE copy.kernels (
  distro          TEXT    NOT NULL,
  release         TEXT    NOT NULL,
  arch            TEXT    NOT NULL,
  kernel          TEXT    NOT NULL,
  state           TEXT    NOT NULL,
  code            TEXT,
  reason          TEXT,
  source          TEXT,
  trust           TEXT,
  profile         TEXT,
  build_id        TEXT,
  path            TEXT,
  tar_sha256      TEXT,
  tar_size_bytes  INTEGER,
  btf_sha256      TEXT,
  btf_size_bytes  INTEGER,
  type_count      INTEGER,
  package_name    TEXT,
  package_version TEXT,
  package_url     TEXT,
  package_digest  TEXT,
  published_at    TEXT,
  changed_at      TEXT    NOT NULL,
  PRIMARY KEY (distro, release, arch, kernel)
) STRICT, WITHOUT ROWID;
INSERT INTO copy.kernels
  SELECT k.distro, k.release, k.arch, k.kernel, k.state, k.code,
    CASE WHEN k.state = 'withdrawn' THEN k.reason END,
    k.source, k.trust, k.profile, k.build_id, k.path, k.tar_sha256, k.tar_size_bytes, k.btf_sha256, k.btf_size_bytes,
    k.type_count, p.name, p.version, p.url, p.digest, k.published_at, k.changed_at
  FROM main.kernels k LEFT JOIN main.packages p ON p.id = k.package_id
  ORDER BY 1, 2, 3, 4;
`;

/** The image of a SQLite database; the same rows give the same bytes. */
export function publicCopy(db: Database): Buffer {
  db.exec("ATTACH ':memory:' AS copy");
  try {
    db.exec(CREATE);
    return db.serialize({ attached: 'copy' });
  } finally {
    db.exec('DETACH copy');
  }
}
