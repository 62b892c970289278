/**
 * `npm run e2e:mirrors`: a real vmlinux in every packaging. It becomes rpms with xz and zstd payloads and .ddebs with xz
 * and zstd, in local mirrors of Fedora, CentOS Stream, Amazon Linux and Ubuntu, which the real command crawls over the
 * local internet. What is published must be the same bytes each time, and those that `convert` makes of the file.
 *
 *     npm run e2e:mirrors                       the newest 6.1 cloud kernel of the machine's Debian mirror (280 MB)
 *     npm run e2e:mirrors -- --vmlinux FILE     that file
 *     npm run e2e:mirrors -- --dir /data        mirrors, archives and records are kept below /data
 */

import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSqlite } from '../../db/sqlite.ts';
import { execa } from 'execa';
import { archiveMembers } from '../e2e/site.ts';
import { type Internet, startInternet } from '../internet/internet.ts';
import { buildAmazonMirror } from '../mirrors/amzn-mirror.ts';
import type { BuildMirrorOptions, BuiltMirror } from '../mirrors/built-mirror.ts';
import { buildCentosMirror } from '../mirrors/centos-mirror.ts';
import {
  buildFedoraMirror,
  CURRENT,
  type FedoraKernel,
  type FedoraRepository,
} from '../mirrors/fedora-mirror.ts';
import { createSigner } from '../mirrors/signer.ts';
import { buildUbuntuMirror } from '../mirrors/ubuntu-mirror.ts';
import { expectExit, runBtfmill, spawnBtfmill } from '../support/run-btfmill.ts';

const COMMAND_TIMEOUT_MS = 60 * 60_000;
const MEMORY_SAMPLE_MS = 200;

interface Distro {
  readonly name: string;
  readonly release: string;
  readonly build: (options: BuildMirrorOptions) => Promise<BuiltMirror>;
}

const fedora = (path: string, metalink: string, kernels: readonly FedoraKernel[]): FedoraRepository => ({
  arch: 'x86_64',
  host: CURRENT,
  path,
  release: '43',
  metalink,
  form: { compression: 'zst' },
  kernels,
});

/** One kernel per packaging; `vmlinux` names any of the mirrors' kernels, because all of them are the one file. */
const DISTROS: readonly Distro[] = [
  {
    name: 'fedora',
    release: '43',
    build: (options) =>
      buildFedoraMirror(options, [
        fedora('releases/43/Everything/x86_64/debug/tree', 'fedora-debug-43', [
          { build: '6.1.0-50.fc43', vmlinux: 'native', payload: 'xz-quick' },
          { build: '6.1.0-51.fc43', vmlinux: 'native', payload: 'zstd' },
        ]),
        fedora('updates/43/Everything/x86_64/debug', 'updates-released-debug-f43', []),
        fedora('updates/testing/43/Everything/x86_64/debug', 'updates-testing-debug-f43', []),
      ]),
  },
  {
    name: 'centos',
    release: '9',
    build: (options) =>
      buildCentosMirror(options, [
        {
          release: '9',
          host: 'mirror.stream.centos.org',
          path: '9-stream/BaseOS/x86_64/debug/tree',
          arch: 'x86_64',
          form: {},
          isRepomdSigned: true,
          metalink: 'centos-baseos-debug-9-stream',
          kernels: [['kernel-debuginfo', '6.1.0-50.el9', '', 'native', 'xz-quick']],
        },
      ]),
  },
  {
    name: 'amzn',
    release: '2023',
    build: (options) =>
      buildAmazonMirror(options, [
        {
          release: '2023',
          arch: 'x86_64',
          lists: ['cdn.amazonlinux.com/al2023/core/mirrors/latest/debuginfo/x86_64/mirror.list'],
          path: 'al2023/core/guids/<id>/x86_64',
          lines: (path) => `https://cdn.amazonlinux.com/${path}/`,
          form: { plainNames: true },
          climb: '../../../../',
          kernels: [['kernel-debuginfo', '6.1.0-50.amzn2023', 'native', 'zstd']],
        },
      ]),
  },
  {
    name: 'ubuntu',
    release: '24.04',
    build: (options) =>
      buildUbuntuMirror(options, {
        suites: [
          {
            codename: 'noble',
            pocket: '',
            kernels: [
              {
                kernel: '6.1.0-50-generic',
                version: '6.1.0-50.50',
                source: 'linux',
                vmlinux: 'native',
                isSigned: false,
              },
              {
                kernel: '6.1.0-51-generic',
                version: '6.1.0-51.51',
                source: 'linux',
                vmlinux: 'native',
                isSigned: false,
                compression: 'zstd',
              },
            ],
          },
          { codename: 'noble', pocket: '-updates', kernels: [] },
        ],
        pruned: [],
      }),
  },
];

/** Steps of a kernel's way, as the table shows them. */
const COLUMNS = ['fetch', 'verify', 'unpack', 'convert', 'cross-check', 'store'] as const;

interface PublishedRow {
  readonly kernel: string;
  readonly path: string;
  readonly url: string;
  readonly trust: string;
  readonly size_bytes: number;
  readonly steps: string;
}

interface Outcome {
  readonly distro: string;
  readonly row: PublishedRow;
  readonly packaging: string;
  readonly btfSha256: string;
  readonly peakBytes: number;
}

// For dpkg-deb: what a packaging compresses best is not asked here.
process.env['DPKG_DEB_COMPRESSOR_LEVEL'] = '1';
const { values } = parseArgs({ options: { vmlinux: { type: 'string' }, dir: { type: 'string' } } });
const folder = values.dir ?? (await mkdtemp(join(tmpdir(), 'btfmill-mirrors-')));
await mkdir(folder, { recursive: true });
await rm(join(folder, 'signer'), { recursive: true, force: true });
const signer = await createSigner(join(folder, 'signer'), 0, 'rsa2048');
try {
  const vmlinux = values.vmlinux ?? (await vmlinuxOfMirror());
  const expected = await convert(vmlinux);
  const outcomes: Outcome[] = [];
  for (const distro of DISTROS) outcomes.push(...(await crawl(distro, vmlinux)));
  printTable(outcomes);
  const wrong = outcomes.filter(({ btfSha256 }) => btfSha256 !== expected);
  if (wrong.length > 0 || outcomes.length !== 6) {
    throw new Error(
      `not the bytes that convert makes (${expected}): ${wrong.map(({ packaging }) => packaging).join(', ')}`,
    );
  }
  process.stdout.write(`${outcomes.length} packagings, one BTF: sha256 ${expected}\n`);
} finally {
  await signer.close();
  if (values.dir === undefined) await rm(folder, { recursive: true, force: true });
}

/** Fetches the newest 6.1 cloud kernel with a crawl of Debian, and takes its vmlinux out with dpkg-deb. */
async function vmlinuxOfMirror(): Promise<string> {
  const site = join(folder, 'debian');
  await mkdir(site, { recursive: true });
  const what = ['--release', '12', '--arch', 'x86_64', '--kernel', '6.1.*-cloud-amd64', '--limit', '1'];
  const args = ['crawl', '--distro', 'debian', ...what, '--keep-packages', ...placesIn(site)];
  const inherited = Object.entries(process.env).filter(([name]) => /^(?:https?|no)_proxy$/iu.test(name));
  const env = Object.fromEntries(inherited) as Record<string, string>;
  expectExit(await runBtfmill(args, { cwd: site, env, timeoutMs: COMMAND_TIMEOUT_MS }), 0);
  const debs = (await readdir(join(site, 'cache'), { recursive: true })).filter((name) =>
    name.endsWith('.deb'),
  );
  const tree = join(site, 'tree');
  await execa('dpkg-deb', ['-x', join(site, 'cache', debs[0]), tree]);
  const boot = join(tree, 'usr/lib/debug/boot');
  const [name] = await readdir(boot);
  return join(boot, name);
}

/** SHA-256 of the BTF that `convert` makes of the file's DWARF. */
async function convert(vmlinux: string): Promise<string> {
  await access(vmlinux);
  const output = join(folder, 'expected.btf');
  const args = ['convert', vmlinux, '--output', output];
  expectExit(await runBtfmill(args, { cwd: folder, timeoutMs: COMMAND_TIMEOUT_MS }), 0);
  return sha256(await readFile(output));
}

async function crawl({ name, release, build }: Distro, vmlinux: string): Promise<Outcome[]> {
  const site = join(folder, name);
  await rm(site, { recursive: true, force: true });
  process.stderr.write(`${name}: packing\n`);
  const same = { dwarf4: vmlinux, dwarf5: vmlinux, native: vmlinux, arm64: vmlinux };
  const mirror = await build({ folder: join(site, 'hosts'), signer, kernels: same });
  const internet = await startInternet(join(site, 'authority'), mirror.hosts);
  try {
    process.stderr.write(`${name}: crawling\n`);
    const peakBytes = await runCrawl(
      site,
      ['--distro', name, '--release', release],
      mirror.keyring,
      internet,
    );
    const rows = readRows(join(site, 'record.sqlite'));
    const keys = rows.map(({ path }) => path.replace(/\.btf\.tar\.xz$/u, '')).sort();
    const wanted = mirror.kernels.map(({ key }) => key).sort();
    if (keys.join() !== wanted.join())
      throw new Error(`${name}: published ${keys.join()}, not ${wanted.join()}`);
    return await Promise.all(
      rows.map(async (row) => {
        const [{ data }] = await archiveMembers(join(site, 'archive', row.path));
        return {
          distro: name,
          row,
          packaging: await packagingOf(row, site),
          btfSha256: sha256(data),
          peakBytes,
        };
      }),
    );
  } finally {
    await internet.close();
  }
}

/** Bytes of memory that the command had at most. */
async function runCrawl(
  site: string,
  what: readonly string[],
  keyring: string,
  { env }: Internet,
): Promise<number> {
  const how = ['--source', 'dwarf', '--jobs', '1', '--keep-packages', '--keyring', keyring, '--json'];
  const args = ['crawl', ...what, '--arch', 'x86_64', '--kernel', '6.1.0-*', ...how, ...placesIn(site)];
  const running = spawnBtfmill(args, { cwd: site, env, timeoutMs: COMMAND_TIMEOUT_MS });
  let peakBytes = 0;
  const timer = setInterval(() => {
    readFile(`/proc/${running.pid}/status`, 'utf8')
      .then((status) => {
        peakBytes = Math.max(peakBytes, Number(/^VmHWM:\s+(\d+) kB$/mu.exec(status)?.[1] ?? 0) * 1024);
        return undefined;
      })
      // It has ended.
      .catch(() => undefined);
  }, MEMORY_SAMPLE_MS);
  try {
    expectExit(await running.finished, 0);
  } finally {
    clearInterval(timer);
  }
  return peakBytes;
}

function readRows(db: string): PublishedRow[] {
  const database = openSqlite(db, { readonly: true });
  try {
    return database
      .prepare<[], PublishedRow>(
        `SELECT k.kernel, k.path, p.url, k.trust, p.size_bytes,
                (SELECT json_group_object(step, milliseconds) FROM step_timings WHERE attempt_id = a.id) AS steps
         FROM kernels k JOIN packages p ON p.id = k.package_id
         JOIN attempts a ON a.kernel_id = k.id AND a.outcome = 'published' WHERE k.state = 'published' ORDER BY k.kernel`,
      )
      .all();
  } finally {
    database.close();
  }
}

/** What rpm and dpkg-deb say of the package that was fetched. */
async function packagingOf({ size_bytes: sizeBytes }: PublishedRow, site: string): Promise<string> {
  const cache = join(site, 'cache');
  for (const name of await readdir(cache, { recursive: true })) {
    const file = join(cache, name);
    const info = await stat(file);
    if (!info.isFile() || info.size !== sizeBytes) continue;
    const rpm = await execa('rpm', ['-qp', '--nosignature', '--qf', 'rpm %{PAYLOADCOMPRESSOR}', file], {
      reject: false,
    });
    if (rpm.exitCode === 0) return rpm.stdout;
    const { stdout } = await execa('ar', ['t', file]);
    return `ddeb ${/data\.tar\.(\w+)/u.exec(stdout)?.[1]}`;
  }
  throw new Error(`no package of ${sizeBytes} bytes in the cache`);
}

function placesIn(site: string): string[] {
  const places = { archive: 'archive', db: 'record.sqlite', cache: 'cache' };
  return Object.entries(places).flatMap(([flag, name]) => [`--${flag}`, join(site, name)]);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function printTable(outcomes: readonly Outcome[]): void {
  const head = [
    'distro',
    'packaging',
    'MB',
    'trust',
    ...COLUMNS.map((step) => `${step} s`),
    'peak MB',
    'BTF sha256',
  ];
  const lines = outcomes.map(({ distro, packaging, row, btfSha256, peakBytes }) => {
    const steps = JSON.parse(row.steps) as Partial<Record<string, number>>;
    const seconds = COLUMNS.map((step) => ((steps[step] ?? 0) / 1000).toFixed(1));
    const megabytes = (row.size_bytes / 1e6).toFixed(0);
    return [
      distro,
      packaging,
      megabytes,
      row.trust,
      ...seconds,
      (peakBytes / 1e6).toFixed(0),
      btfSha256.slice(0, 12),
    ];
  });
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i].length)));
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |\n`;
  const rule = format(widths.map((width) => '-'.repeat(width)));
  process.stdout.write([format(head), rule, ...lines.map(format)].join(''));
}
