/** Queries of table `kernels`: one row per kernel ever seen, with its state and, once published, what was published. */

import type { Database } from 'better-sqlite3';
import type { KernelKey, TrustLevel } from '../crawlers/types.ts';
import type { NameProof } from '../pipeline/types.ts';
import { fromJson, optional, toParameters } from './columns.ts';
import type {
  BtfFacts,
  ImportedFacts,
  IsoTime,
  KernelRow,
  KernelState,
  PublishedFacts,
  RecordedSource,
  ToolVersions,
} from './types.ts';

/** Published kernels of one plane whose content rests on the same. */
export interface TrustCount {
  readonly distro: string;
  readonly release: string;
  readonly arch: string;
  /** Absent for what was taken over from another archive. */
  readonly trust?: TrustLevel;
  /** Fingerprint of the key that signed the packages themselves. */
  readonly signer?: string;
  readonly nameProof?: NameProof;
  readonly kernels: number;
}

/** Kernels of one plane in one state. */
export interface PlaneCount {
  readonly distro: string;
  readonly release: string;
  readonly arch: string;
  readonly state: KernelState;
  readonly kernels: number;
  /** Bytes of archive files (0 unless published). */
  readonly tarSizeBytes: number;
}

export interface KernelTable {
  /** The kernel's id; a kernel not known yet becomes `pending`. */
  ensure(key: KernelKey, at: IsoTime): number;
  find(key: KernelKey): KernelRow | undefined;
  /** Work starts over: `pending`, and nothing is known of a result. */
  markPending(id: number, at: IsoTime): void;
  /**
   * The BTF is made and about to be stored: still `pending`, but the facts are kept, so that a run that dies between
   * the rename of the file and {@link KernelTable.markPublished} can be completed without doing the work again.
   */
  announce(id: number, facts: BtfFacts, at: IsoTime): void;
  /** Needs the facts of {@link KernelTable.announce} (the schema refuses the row otherwise). */
  markPublished(id: number, facts: PublishedFacts, at: IsoTime): void;
  /**
   * A file of somebody else's archive that was found sound: published, from a package that nobody knows. A kernel that is
   * published already stays as it is.
   */
  markImported(id: number, facts: ImportedFacts, at: IsoTime): void;
  markFailed(id: number, failure: { code: string; message: string; packageId: number }, at: IsoTime): void;
  markNoDebugInfo(id: number, packageId: number, at: IsoTime): void;
  /**
   * Takes a published kernel back, with a reason; its file stays and its facts are kept. False when there is no
   * published kernel of that key.
   */
  withdraw(key: KernelKey, reason: string, at: IsoTime): boolean;
  /** All kernels whose name (`uname -r`) matches a GLOB pattern, by plane and name. */
  named(glob: string): readonly KernelRow[];
  /** Kernels that were first published between the two times, both included. */
  publishedBetween(from: IsoTime, to: IsoTime): readonly KernelRow[];
  /** All kernels in a state, by plane and name. */
  inState(state: KernelState): readonly KernelRow[];
  /** One row per plane and state that has kernels, sorted by plane. */
  countByPlane(): readonly PlaneCount[];
  /** One row per plane and kind of proof that has published kernels, sorted by plane. */
  countByTrust(): readonly TrustCount[];
}

interface KernelColumns {
  id: number;
  distro: string;
  release: string;
  arch: string;
  kernel: string;
  state: KernelState;
  code: string | null;
  reason: string | null;
  package_id: number | null;
  source: RecordedSource | null;
  trust: TrustLevel | null;
  build_id: string | null;
  btf_sha256: string | null;
  btf_size_bytes: number | null;
  profile: string | null;
  tool_versions: string | null;
  path: string | null;
  tar_sha256: string | null;
  tar_size_bytes: number | null;
  type_count: number | null;
  types_by_kind: string | null;
  changed_at: string;
  published_at: string | null;
  signer: string | null;
  name_proof: NameProof | null;
}

interface TrustColumns extends Pick<KernelColumns, 'distro' | 'release' | 'arch' | 'signer' | 'name_proof'> {
  trust: TrustLevel | null;
  kernels: number;
}

/** Forgets a former result; `published_at` stays: it says when the kernel was published first. */
const NO_RESULT = `code = NULL, reason = NULL, source = NULL, trust = NULL, signer = NULL, name_proof = NULL,
  build_id = NULL, btf_sha256 = NULL, btf_size_bytes = NULL, profile = NULL, tool_versions = NULL, path = NULL, tar_sha256 = NULL,
  tar_size_bytes = NULL, type_count = NULL, types_by_kind = NULL`;

const NOTHING_OPTIONAL = { buildId: undefined, signer: undefined, nameProof: undefined };

export function kernelTable(db: Database): KernelTable {
  const insert = db.prepare<[Record<string, unknown>]>(
    `INSERT INTO kernels (distro, release, arch, kernel, state, changed_at)
     VALUES (@distro, @release, @arch, @kernel, 'pending', @at) ON CONFLICT DO NOTHING`,
  );
  const select = db.prepare<[Record<string, unknown>], KernelColumns>(
    'SELECT * FROM kernels WHERE distro = @distro AND release = @release AND arch = @arch AND kernel = @kernel',
  );
  const pending = db.prepare(
    `UPDATE kernels SET ${NO_RESULT}, state = 'pending', package_id = NULL, changed_at = @at WHERE id = @id`,
  );
  const announced = db.prepare(
    `UPDATE kernels SET ${NO_RESULT}, state = 'pending', package_id = @packageId, source = @source, trust = @trust,
       signer = @signer, name_proof = @nameProof, build_id = @buildId, btf_sha256 = @btfSha256, btf_size_bytes = @btfSizeBytes, profile = @profile,
       tool_versions = @toolVersions, changed_at = @at
     WHERE id = @id`,
  );
  const published = db.prepare(
    `UPDATE kernels SET state = 'published', code = NULL, reason = NULL, path = @path, tar_sha256 = @tarSha256,
       tar_size_bytes = @tarSizeBytes, type_count = @typeCount, types_by_kind = @typesByKind,
       published_at = coalesce(published_at, @at), changed_at = @at
     WHERE id = @id`,
  );
  const imported = db.prepare(
    `UPDATE kernels SET ${NO_RESULT}, state = 'published', package_id = NULL, source = 'imported', btf_sha256 = @btfSha256,
       btf_size_bytes = @btfSizeBytes, path = @path, tar_sha256 = @tarSha256, tar_size_bytes = @tarSizeBytes,
       type_count = @typeCount, types_by_kind = @typesByKind, published_at = coalesce(published_at, @at), changed_at = @at
     WHERE id = @id AND state <> 'published'`,
  );
  const failed = db.prepare(
    `UPDATE kernels SET ${NO_RESULT}, state = 'failed', code = @code, reason = @message, package_id = @packageId,
       changed_at = @at
     WHERE id = @id`,
  );
  const noDebugInfo = db.prepare(
    `UPDATE kernels SET ${NO_RESULT}, state = 'no-debug-info', package_id = @packageId, changed_at = @at WHERE id = @id`,
  );
  const withdrawn = db.prepare(
    `UPDATE kernels SET state = 'withdrawn', reason = @reason, changed_at = @at
     WHERE state = 'published' AND distro = @distro AND release = @release AND arch = @arch AND kernel = @kernel`,
  );
  const byState = db.prepare<[KernelState], KernelColumns>(
    'SELECT * FROM kernels WHERE state = ? ORDER BY distro, release, arch, kernel',
  );
  const byName = db.prepare<[string], KernelColumns>(
    'SELECT * FROM kernels WHERE kernel GLOB ? ORDER BY distro, release, arch, kernel',
  );
  const byTime = db.prepare<[IsoTime, IsoTime], KernelColumns>(
    `SELECT * FROM kernels WHERE published_at BETWEEN ? AND ? AND state = 'published'
     ORDER BY distro, release, arch, kernel`,
  );
  const counts = db.prepare<[], PlaneCount>(
    `SELECT distro, release, arch, state, count(*) AS kernels,
       sum(CASE WHEN state = 'published' THEN tar_size_bytes ELSE 0 END) AS tarSizeBytes
     FROM kernels GROUP BY distro, release, arch, state ORDER BY distro, release, arch, state`,
  );
  const trusts = db.prepare<[], TrustColumns>(
    `SELECT distro, release, arch, trust, signer, name_proof, count(*) AS kernels
     FROM kernels WHERE state = 'published' GROUP BY distro, release, arch, trust, signer, name_proof
     ORDER BY distro, release, arch, trust, signer, name_proof`,
  );

  function find(key: KernelKey): KernelRow | undefined {
    const row = select.get(keyParameters(key));
    return row === undefined ? undefined : toKernel(row);
  }

  return {
    find,
    ensure(key, at) {
      insert.run({ ...keyParameters(key), at });
      const row = find(key);
      if (row === undefined) throw new Error('a kernel row vanished after its INSERT');
      return row.id;
    },
    markPending(id, at) {
      pending.run({ id, at });
    },
    announce(id, facts, at) {
      const toolVersions = JSON.stringify(facts.toolVersions);
      announced.run(toParameters({ ...NOTHING_OPTIONAL, ...facts, toolVersions, id, at }));
    },
    markPublished(id, facts, at) {
      published.run({ ...facts, typesByKind: JSON.stringify(facts.typesByKind), id, at });
    },
    markImported(id, facts, at) {
      imported.run({ ...facts, typesByKind: JSON.stringify(facts.typesByKind), id, at });
    },
    markFailed(id, failure, at) {
      failed.run({ ...failure, id, at });
    },
    markNoDebugInfo(id, packageId, at) {
      noDebugInfo.run({ id, packageId, at });
    },
    withdraw(key, reason, at) {
      return withdrawn.run({ ...keyParameters(key), reason, at }).changes > 0;
    },
    named(glob) {
      return byName.all(glob).map(toKernel);
    },
    publishedBetween(from, to) {
      return byTime.all(from, to).map(toKernel);
    },
    inState(state) {
      return byState.all(state).map(toKernel);
    },
    countByPlane() {
      return counts.all();
    },
    countByTrust() {
      return trusts.all().map(({ trust, signer, name_proof, ...row }) => ({
        ...row,
        ...optional('trust', trust),
        ...optional('signer', signer),
        ...optional('nameProof', name_proof),
      }));
    },
  };
}

function keyParameters(key: KernelKey): Record<string, unknown> {
  return { distro: key.distro, release: key.release, arch: key.arch, kernel: key.kernel };
}

function toKernel(row: KernelColumns): KernelRow {
  return {
    id: row.id,
    distro: row.distro,
    release: row.release,
    arch: row.arch,
    kernel: row.kernel,
    state: row.state,
    ...optional('code', row.code),
    ...optional('reason', row.reason),
    ...optional('packageId', row.package_id),
    ...optional('source', row.source),
    ...optional('trust', row.trust),
    ...optional('signer', row.signer),
    ...optional('nameProof', row.name_proof),
    ...optional('buildId', row.build_id),
    ...optional('btfSha256', row.btf_sha256),
    ...optional('btfSizeBytes', row.btf_size_bytes),
    ...optional('profile', row.profile),
    ...optional('toolVersions', fromJson(row.tool_versions) as ToolVersions | null),
    ...optional('path', row.path),
    ...optional('tarSha256', row.tar_sha256),
    ...optional('tarSizeBytes', row.tar_size_bytes),
    ...optional('typeCount', row.type_count),
    ...optional('typesByKind', fromJson(row.types_by_kind) as Record<string, number> | null),
    changedAt: row.changed_at,
    ...optional('publishedAt', row.published_at),
  };
}
