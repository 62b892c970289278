/**
 * Joins another record into this one: first everything that is only history, which can be repeated without harm; then,
 * kernel by kernel, what the caller decides.
 */

import type { Database } from 'better-sqlite3';
import type { KernelKey } from '../crawlers/types.ts';
import { optional } from './columns.ts';
import type { KernelState, RecordedSource } from './types.ts';

/** One kernel, as this record and the other one know it. */
export interface KernelPair extends KernelKey {
  readonly ours: KernelView;
  readonly theirs: KernelView;
  /** Of the other record. */
  readonly theirId: number;
}

/** What a decision needs of a kernel's row. */
export interface KernelView {
  readonly state: KernelState;
  readonly changedAt: string;
  /** Source of the BTF; `imported` says the least. */
  readonly source?: RecordedSource;
  /** The rest of the row as text: tells rows apart that are equal in what counts. */
  readonly details: string;
  readonly btfSha256?: string;
  readonly tarSha256?: string;
}

export interface RecordMerge {
  /** Sorted by key. */
  kernels(): readonly KernelPair[];
  /** Our row becomes what theirs is, with `path` in the archive when it has one. */
  take(pair: KernelPair, path: string): void;
  close(): void;
}

const KEY = 'distro, release, arch, kernel';
const PACKAGE_KEY = `${KEY}, name, version, digest`;
const KERNEL_FACTS = `state, code, reason, source, trust, build_id, btf_sha256, btf_size_bytes, profile, tool_versions,
  path, tar_sha256, tar_size_bytes, type_count, types_by_kind, changed_at, published_at, signer, name_proof`;

/** A path is what the key says, whatever another record has written there. */
const THEIR_FACTS = KERNEL_FACTS.replace('path,', 'iif(path IS NULL, NULL, @path),');

/** Seen later, or at the same time and elsewhere: then by the text, so that it does not matter who comes first. */
const LATER = `(excluded.last_seen, excluded.url, excluded.index_url, excluded.suite, excluded.trust)
      > (last_seen, url, index_url, suite, trust)`;

/** The same run, attempt or read is recognised by when and with what it began. */
const HISTORY = `
INSERT INTO main.packages (${PACKAGE_KEY}, format, url, size_bytes, index_url, suite, trust, first_seen, last_seen)
  SELECT ${PACKAGE_KEY}, format, url, size_bytes, index_url, suite, trust, first_seen, last_seen
  FROM other.packages WHERE true
  ON CONFLICT (${PACKAGE_KEY}) DO UPDATE SET first_seen = min(first_seen, excluded.first_seen),
    url = iif(${LATER}, excluded.url, url),
    index_url = iif(${LATER}, excluded.index_url, index_url),
    suite = iif(${LATER}, excluded.suite, suite),
    trust = iif(${LATER}, excluded.trust, trust),
    last_seen = max(last_seen, excluded.last_seen);
CREATE TEMP TABLE package_ids AS
  SELECT o.id AS other_id, m.id AS id FROM other.packages o JOIN main.packages m USING (${PACKAGE_KEY});
CREATE UNIQUE INDEX temp.package_ids_by_other ON package_ids (other_id);

INSERT INTO main.kernels (${KEY}, state, changed_at)
  SELECT ${KEY}, 'pending', changed_at FROM other.kernels WHERE true ON CONFLICT DO NOTHING;
CREATE TEMP TABLE kernel_ids AS
  SELECT o.id AS other_id, m.id AS id FROM other.kernels o JOIN main.kernels m USING (${KEY});
CREATE UNIQUE INDEX temp.kernel_ids_by_other ON kernel_ids (other_id);

INSERT INTO main.runs (started_at, btfmill_version, options)
  SELECT started_at, btfmill_version, options FROM other.runs o
  WHERE NOT EXISTS (SELECT 1 FROM main.runs m
    WHERE m.started_at = o.started_at AND m.btfmill_version = o.btfmill_version AND m.options = o.options);
CREATE TEMP TABLE run_ids AS
  SELECT o.id AS other_id, m.id AS id FROM other.runs o JOIN main.runs m USING (started_at, btfmill_version, options);
UPDATE main.runs SET (finished_at, exit_code, published, already_published, no_debug_info, failed, fetched_bytes,
    index_bytes, failure_code, failure_message) = (
    SELECT o.finished_at, o.exit_code, o.published, o.already_published, o.no_debug_info, o.failed, o.fetched_bytes,
      o.index_bytes, o.failure_code, o.failure_message
    FROM other.runs o JOIN temp.run_ids i ON i.other_id = o.id WHERE i.id = main.runs.id)
  WHERE finished_at IS NULL AND id IN (SELECT id FROM temp.run_ids);

CREATE TEMP TABLE new_attempts AS
  SELECT o.id AS other_id, k.id AS kernel_id, r.id AS run_id, p.id AS package_id
  FROM other.attempts o JOIN temp.kernel_ids k ON k.other_id = o.kernel_id
    JOIN temp.run_ids r ON r.other_id = o.run_id JOIN temp.package_ids p ON p.other_id = o.package_id
  WHERE o.finished_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM main.attempts m
    WHERE m.kernel_id = k.id AND m.run_id = r.id AND m.started_at = o.started_at);
INSERT INTO main.attempts (kernel_id, run_id, package_id, setup, started_at, finished_at, outcome, code, message,
    retry_after, fetched_bytes)
  SELECT n.kernel_id, n.run_id, n.package_id, o.setup, o.started_at, o.finished_at, o.outcome, o.code, o.message,
    o.retry_after, o.fetched_bytes
  FROM temp.new_attempts n JOIN other.attempts o ON o.id = n.other_id ORDER BY o.id;
CREATE TEMP TABLE attempt_ids AS
  SELECT n.other_id, m.id FROM temp.new_attempts n JOIN other.attempts o ON o.id = n.other_id
    JOIN main.attempts m ON m.kernel_id = n.kernel_id AND m.run_id = n.run_id AND m.started_at = o.started_at;
INSERT INTO main.step_timings (attempt_id, step, milliseconds, bytes)
  SELECT a.id, s.step, s.milliseconds, s.bytes
  FROM other.step_timings s JOIN temp.attempt_ids a ON a.other_id = s.attempt_id;
INSERT INTO main.cross_checks (attempt_id, against, verdict, details, first_differences, tolerated, tool,
    milliseconds, checked_at)
  SELECT a.id, c.against, c.verdict, c.details, c.first_differences, c.tolerated, c.tool, c.milliseconds, c.checked_at
  FROM other.cross_checks c JOIN temp.attempt_ids a ON a.other_id = c.attempt_id ORDER BY c.id;
INSERT INTO main.index_reads (run_id, distro, release, suite, at, asked, arch, url, trust, signer, made_at, kernels, code,
    message)
  SELECT r.id, o.distro, o.release, o.suite, o.at, o.asked, o.arch, o.url, o.trust, o.signer, o.made_at, o.kernels, o.code,
    o.message
  FROM other.index_reads o JOIN temp.run_ids r ON r.other_id = o.run_id
  WHERE NOT EXISTS (SELECT 1 FROM main.index_reads m WHERE m.run_id = r.id AND m.at = o.at AND m.distro = o.distro
    AND m.release = o.release AND m.suite = o.suite AND m.arch IS o.arch AND m.url IS o.url AND m.code IS o.code)
  ORDER BY o.id;
`;

const TEMP_TABLES = ['package_ids', 'kernel_ids', 'run_ids', 'new_attempts', 'attempt_ids'];

/** Nothing that another record numbers otherwise. */
const DETAILS = ['code', 'reason', 'trust', 'signer', 'profile', 'build_id', 'tool_versions', 'published_at'];

interface ViewColumns {
  state: KernelState;
  changed_at: string;
  source: RecordedSource | null;
  details: string;
  btf: string | null;
  tar: string | null;
}

interface PairColumns extends KernelKey {
  their_id: number;
  /** JSON of {@link ViewColumns}. */
  ours: string;
  theirs: string;
}

function viewOf(row: string, packages: string): string {
  const pkg = `(SELECT json_array(p.name, p.version, p.digest) FROM ${packages}.packages p WHERE p.id = ${row}.package_id)`;
  const details = `json_array(${pkg}, ${DETAILS.map((column) => `${row}.${column}`).join(', ')})`;
  return `json_object('state', ${row}.state, 'changed_at', ${row}.changed_at, 'source', ${row}.source,
    'details', ${details}, 'btf', ${row}.btf_sha256, 'tar', ${row}.tar_sha256)`;
}

/** @param file of a record with the schema of this version */
export function mergeFrom(db: Database, file: string): RecordMerge {
  db.exec(`ATTACH '${file.replaceAll("'", "''")}' AS other`);
  try {
    db.transaction(() => {
      db.exec(HISTORY);
    }).immediate();
  } catch (thrown) {
    detach(db);
    throw thrown;
  }
  const pairs = db.prepare<[], PairColumns>(
    `SELECT o.distro, o.release, o.arch, o.kernel, o.id AS their_id,
       ${viewOf('m', 'main')} AS ours, ${viewOf('o', 'other')} AS theirs
     FROM other.kernels o JOIN main.kernels m USING (${KEY}) ORDER BY ${KEY}`,
  );
  const take = db.prepare<[{ id: number; path: string }]>(
    `UPDATE main.kernels SET (package_id, ${KERNEL_FACTS}) = (
       SELECT (SELECT p.id FROM temp.package_ids p WHERE p.other_id = o.package_id), ${THEIR_FACTS}
       FROM other.kernels o WHERE o.id = @id)
     WHERE id = (SELECT k.id FROM temp.kernel_ids k WHERE k.other_id = @id)`,
  );
  return {
    kernels: () => pairs.all().map(toPair),
    take: ({ theirId }, path) => {
      take.run({ id: theirId, path });
    },
    close: () => detach(db),
  };
}

function detach(db: Database): void {
  for (const table of TEMP_TABLES) db.exec(`DROP TABLE IF EXISTS temp.${table}`);
  db.exec('DETACH other');
}

function toPair({ their_id: theirId, ours, theirs, ...key }: PairColumns): KernelPair {
  return { ...key, theirId, ours: toView(ours), theirs: toView(theirs) };
}

function toView(json: string): KernelView {
  const { state, changed_at: changedAt, source, details, btf, tar } = JSON.parse(json) as ViewColumns;
  return {
    state,
    changedAt,
    details: JSON.stringify(details),
    ...optional('source', source),
    ...optional('btfSha256', btf),
    ...optional('tarSha256', tar),
  };
}
