/**
 * `npm run e2e:live`: the real thing on the machine's Debian mirror. Per release, the newest cloud kernel (some 300 MB
 * each) is crawled into an archive, checked against an oracle, read by bpftool, verified, and not fetched again.
 *
 *     npm run e2e:live                      releases 11, 12, 13 and sid, in a temporary folder
 *     npm run e2e:live -- 12 --dir /data    one release; archive, record and cache are kept below /data
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openSqlite } from '../../db/sqlite.ts';
import { execa } from 'execa';
import { programBytes } from '../support/program-bytes.ts';
import { findTool } from '../support/tools.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A release's own series; backports would be newer. */
const KERNELS: Readonly<Record<string, string>> = {
  11: '5.10.*-cloud-amd64',
  12: '6.1.*-cloud-amd64',
  13: '6.12.*-cloud-amd64',
};
/** More than the InRelease files of one release's suites take together, less than one package list. */
const RELEASE_FILES_BYTES = 1_000_000;
const RELEASES = ['11', '12', '13', 'sid'];

interface Published {
  readonly release: string;
  readonly kernel: string;
  readonly path: string;
  readonly source: string;
  readonly type_count: number;
  readonly btf_size_bytes: number;
  readonly verdict: string;
  readonly against: string;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { dir: { type: 'string' } } });
const releases = positionals.length > 0 ? positionals : RELEASES;
const folder = values.dir ?? (await mkdtemp(join(tmpdir(), 'btfmill-live-')));
await mkdir(folder, { recursive: true });
try {
  for (const release of releases) await crawlAgain(release, await crawlOne(release));
  const verified = await btfmill('verify', '--archive', join(folder, 'archive'), '--db', dbFile());
  if (verified !== 0) throw new Error(`verify ended with exit code ${verified}`);
  for (const kernel of readPublished()) await checkPublished(kernel);
} finally {
  if (values.dir === undefined) await rm(folder, { recursive: true, force: true });
}

/** Publishes the newest cloud kernel that the mirror really has; some list packages that they have no more. */
async function crawlOne(release: string): Promise<string> {
  for (const kernel of await listKernels(release)) {
    const exitCode = await btfmill(...crawlArgs(release, kernel));
    const [row] = rows<{ state: string; code: string | null }>(
      `SELECT state, code FROM kernels WHERE release = '${release}' AND kernel = '${kernel}'`,
    );
    if (exitCode === 0 && row.state === 'published') return kernel;
    if (row.code !== 'http-not-found') throw new Error(`${release} ${kernel}: ${row.state} ${row.code}`);
  }
  throw new Error(`the mirror has no cloud kernel of Debian ${release}`);
}

/** Newest first. */
async function listKernels(release: string): Promise<string[]> {
  const glob = KERNELS[release] ?? '*-cloud-amd64';
  const { stdout } = await run([...crawlArgs(release, glob), '--dry-run', '--json'], 'pipe');
  return stdout
    .split('\n')
    .filter((line) => line.includes('"event":"plan.kernel"'))
    .map((line) => (JSON.parse(line) as { kernel: string }).kernel);
}

/**
 * An archive that is complete costs headers only, or, where a mirror gives no validators (some caching proxies), the
 * signed top of its indexes again.
 */
async function crawlAgain(release: string, kernel: string): Promise<void> {
  await btfmill(...crawlArgs(release, kernel));
  const { published, fetched_bytes: fetchedBytes, index_bytes: indexBytes } = readLastRun();
  const allowedBytes = everyReleaseFileHasValidators() ? 0 : RELEASE_FILES_BYTES;
  if (published > 0 || fetchedBytes > 0 || indexBytes > allowedBytes) {
    const what = `${published} published, ${fetchedBytes} bytes of packages and ${indexBytes} of indexes moved`;
    throw new Error(`the second crawl of Debian ${release} was not idle: ${what}`);
  }
}

interface RunRow {
  readonly published: number;
  readonly fetched_bytes: number;
  readonly index_bytes: number;
}

function readLastRun(): RunRow {
  const [run] = rows<RunRow>(
    'SELECT published, fetched_bytes, index_bytes FROM runs ORDER BY id DESC LIMIT 1',
  );
  return run;
}

/** The other index files are named by their digests, and not asked for again either way. */
function everyReleaseFileHasValidators(): boolean {
  const [{ n }] = rows<{ n: number }>(
    `SELECT count(*) AS n FROM http_validators
     WHERE url LIKE '%/InRelease' AND coalesce(etag, last_modified) IS NULL`,
  );
  return n === 0;
}

async function checkPublished(kernel: Published): Promise<void> {
  const { release, path, verdict, against } = kernel;
  if (verdict === 'types-differ' || (verdict === 'unavailable' && findTool('pahole') !== undefined)) {
    throw new Error(`${path}: the cross-check against ${against} says ${verdict}`);
  }
  const lines = findTool('bpftool') === undefined ? 'not read (no bpftool)' : await readByBpftool(kernel);
  process.stdout.write(
    `debian ${release} ${kernel.kernel}: ${kernel.source}, ${kernel.type_count} types, ${kernel.btf_size_bytes} bytes; ` +
      `${against}: ${verdict}; ${lines}\n`,
  );
}

async function readByBpftool({ path }: Published): Promise<string> {
  const btf = await programBytes('tar', ['-xJOf', join(folder, 'archive', path)]);
  const file = join(folder, 'live.btf');
  await writeFile(file, btf);
  const { stdout } = await execa('bpftool', ['btf', 'dump', 'file', file, 'format', 'c'], {
    maxBuffer: 1 << 28,
  });
  if (!stdout.includes('\nstruct task_struct {')) throw new Error(`${path}: bpftool sees no task_struct`);
  return `${stdout.split('\n').length} lines of vmlinux.h`;
}

function readPublished(): Published[] {
  return rows<Published>(
    `SELECT k.release, k.kernel, k.path, k.source, k.type_count, k.btf_size_bytes, c.verdict, c.against
     FROM kernels k JOIN attempts a ON a.kernel_id = k.id AND a.outcome = 'published'
     JOIN cross_checks c ON c.attempt_id = a.id WHERE k.state = 'published'`,
  );
}

function rows<Row>(sql: string): Row[] {
  const database = openSqlite(dbFile(), { readonly: true });
  try {
    return database.prepare<[], Row>(sql).all();
  } finally {
    database.close();
  }
}

function crawlArgs(release: string, kernel: string): string[] {
  const what = ['--release', release, '--arch', 'x86_64', '--kernel', kernel];
  const where = ['--archive', join(folder, 'archive'), '--db', dbFile(), '--cache', join(folder, 'cache')];
  // Mirrors of unstable lag behind its seven days at times; what is tested here is not the mirror.
  const expiry = release === 'sid' ? ['--allow-expired'] : [];
  return ['crawl', '--distro', 'debian', ...what, ...where, ...expiry];
}

function dbFile(): string {
  return join(folder, 'btfmill.sqlite');
}

/** Its exit code; what it says goes to the terminal. */
async function btfmill(...args: readonly string[]): Promise<number> {
  process.stderr.write(`$ btfmill ${args.join(' ')}\n`);
  return (await run(args, 'inherit')).exitCode;
}

async function run(
  args: readonly string[],
  stdout: 'inherit' | 'pipe',
): Promise<{ exitCode: number; stdout: string }> {
  const result = await execa(process.execPath, ['--import', 'tsx', 'scripts/btfmill.ts', ...args], {
    cwd: ROOT,
    stdio: ['ignore', stdout, 'inherit'],
    reject: false,
  });
  return { exitCode: result.exitCode ?? 1, stdout: result.stdout ?? '' };
}
