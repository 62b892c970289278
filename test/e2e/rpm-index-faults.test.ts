/**
 * Repositories of rpms that must not be believed, or that will not be handed over: the same faults behind each of the
 * three kinds of anchor (Fedora's metalink, CentOS's base, Amazon's list of mirrors with a database alone), over the
 * local internet with TLS. The neighbour of a bad repository is listed all the same.
 */

import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crawlerFor } from '../../crawlers/index.ts';
import type { CrawlResult } from '../../crawlers/types.ts';
import { openSqlite } from '../../db/sqlite.ts';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { buildAmazonMirror } from '../mirrors/amzn-mirror.ts';
import type { BuildMirrorOptions, BuiltMirror } from '../mirrors/built-mirror.ts';
import { buildCentosMirror, CENTOS_HOSTS } from '../mirrors/centos-mirror.ts';
import { buildFedoraMirror, CURRENT } from '../mirrors/fedora-mirror.ts';
import { RPM_TOOLS } from '../mirrors/rpm-package.ts';
import { REPOSITORY_TOOLS } from '../mirrors/rpm-repository.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import type { Fault } from '../support/answer.ts';
import { crawlContextForTest, EVERYTHING } from '../support/crawl-context.ts';
import { programBytes } from '../support/program-bytes.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

interface Anchor {
  readonly distro: string;
  readonly anchor: string;
  readonly release: string;
  /** In place of several addresses for the same. */
  readonly mirror?: string;
  /** Kernels of the repository that gets the fault, and of its neighbour. */
  readonly kernel: string;
  readonly neighbour: string;
  /** Of the host and the folder of the bad repository's base. */
  readonly base: RegExp;
  readonly hasDatabase: boolean;
  /** Builds it, and says where the base is. */
  readonly build: (options: BuildMirrorOptions) => Promise<readonly [BuiltMirror, string]>;
}

const arch = 'x86_64' as const;
const FEDORA_PATH = 'releases/43/Everything/x86_64/debug/tree';
const AMAZON_LIST = 'cdn.amazonlinux.com/2/core/latest/debuginfo/x86_64/mirror.list';

const ANCHORS: readonly Anchor[] = [
  {
    distro: 'fedora',
    anchor: 'a metalink',
    release: '43',
    kernel: '6.17.1-300.fc43.x86_64',
    neighbour: '6.17.8-300.fc43.x86_64',
    base: /linux\/releases\/43\/|fedora\/releases\/43\//u,
    hasDatabase: false,
    async build(options) {
      const one = (path: string, metalink: string, build?: string) => ({
        host: CURRENT,
        path,
        arch,
        release: '43',
        metalink,
        form: { compression: 'zst' } as const,
        kernels: build === undefined ? [] : [{ build, vmlinux: 'dwarf5' as const }],
      });
      const mirror = await buildFedoraMirror(options, [
        one(FEDORA_PATH, 'fedora-debug-43', '6.17.1-300.fc43'),
        one('updates/43/Everything/x86_64/debug', 'updates-released-debug-f43', '6.17.8-300.fc43'),
        one('updates/testing/43/Everything/x86_64/debug', 'updates-testing-debug-f43'),
      ]);
      return [mirror, mirror.baseOf(CURRENT, FEDORA_PATH)];
    },
  },
  {
    distro: 'centos',
    anchor: 'a base URL',
    release: '8',
    mirror: 'https://debuginfo.centos.org',
    kernel: '4.18.0-80.el8.x86_64',
    neighbour: '4.18.0-553.6.1.el8.x86_64',
    base: /\/8\/x86_64\//u,
    hasDatabase: false,
    async build(options) {
      const one = (path: string, build: string) => ({
        release: '8',
        host: CENTOS_HOSTS.debuginfo,
        path,
        arch,
        form: {},
        kernels: [['kernel-debuginfo', build, '', 'dwarf5'] as const],
      });
      const mirror = await buildCentosMirror(options, [
        one('8/x86_64', '4.18.0-80.el8'),
        one('8-stream/x86_64', '4.18.0-553.6.1.el8'),
      ]);
      return [mirror, mirror.baseOf(CENTOS_HOSTS.debuginfo, '8/x86_64')];
    },
  },
  {
    distro: 'amzn',
    anchor: 'a list of mirrors',
    release: '2',
    kernel: '4.14.281-212.502.amzn2.x86_64',
    neighbour: '5.10.247-246.989.amzn2.x86_64',
    base: /\/2\/core\/2\.0\//u,
    hasDatabase: true,
    async build(options) {
      const one = (list: string, path: string, climb: string, build: string) => ({
        release: '2',
        arch,
        lists: [`cdn.amazonlinux.com/2/${list}/mirror.list`],
        path,
        climb,
        lines: (line: string) => `https://cdn.amazonlinux.com/${line}\n`,
        form: { database: { compression: 'gz', alone: true }, plainNames: true } as const,
        kernels: [['kernel-debuginfo', build, 'dwarf5'] as const],
      });
      const extra = 'extras/kernel-5.10';
      const mirror = await buildAmazonMirror(options, [
        one(
          'core/latest/debuginfo/x86_64',
          '2/core/2.0/debuginfo/x86_64/<id>',
          '../'.repeat(6),
          '4.14.281-212.502.amzn2',
        ),
        one(
          `${extra}/latest/debuginfo/x86_64`,
          `2/${extra}/stable/debuginfo/x86_64/<id>`,
          '../'.repeat(7),
          '5.10.247-246.989.amzn2',
        ),
      ]);
      return [mirror, mirror.baseOf(AMAZON_LIST)];
    },
  },
];

/** With the bad repository's base and what it is changed by; codes of which one is reported. */
interface Case {
  readonly what: string;
  /** Of requests below the base. */
  readonly fault?: { readonly on: RegExp; readonly fault: Fault; readonly times?: number };
  /** Changes the files of the base. */
  readonly edit?: (base: string, hasDatabase: boolean) => Promise<void>;
  /** So often the repository is made anew between the requests for repomd.xml and for the list that it names. */
  readonly pushes?: number;
  /** A crawler may take it for the host's fault, and leave the host alone. */
  readonly isOfHost?: boolean;
  /** Undefined: listed in the end. */
  readonly codes?: readonly string[];
}

const REPOMD = /repodata\/repomd\.xml$/u;
const PRIMARY = /primary/u;

const TRANSPORT: readonly Case[] = [
  { what: 'nothing' },
  {
    what: '500 for repomd, always',
    fault: { on: REPOMD, fault: { kind: 'status', statusCode: 500 } },
    codes: ['http-status'],
  },
  {
    what: '503 for primary, once',
    fault: { on: PRIMARY, fault: { kind: 'status', statusCode: 503 }, times: 1 },
  },
  { what: 'a cut in repomd, once', fault: { on: REPOMD, fault: { kind: 'cut', afterBytes: 99 }, times: 1 } },
  {
    what: 'a cut in primary, always',
    fault: { on: PRIMARY, fault: { kind: 'cut', afterBytes: 99 } },
    codes: ['http-truncated'],
  },
  {
    what: 'silence in primary',
    fault: { on: PRIMARY, fault: { kind: 'stall', afterBytes: 10 } },
    codes: ['http-stalled'],
  },
  {
    what: 'a connection that is dropped before repomd',
    fault: { on: REPOMD, fault: { kind: 'hang-up' } },
    isOfHost: true,
    codes: ['http-unreachable'],
  },
  {
    what: 'a web page for repomd',
    fault: { on: REPOMD, fault: { kind: 'replace', body: Buffer.from('<html>login please</html>') } },
    codes: ['index-malformed', 'index-digest'],
  },
  {
    what: 'a flipped bit in primary',
    fault: { on: PRIMARY, fault: { kind: 'flip', offset: 200 } },
    codes: ['index-digest'],
  },
  {
    what: 'half of primary',
    fault: { on: PRIMARY, fault: { kind: 'truncate', toBytes: 300 } },
    codes: ['index-digest'],
  },
  {
    what: '404 for primary',
    fault: { on: PRIMARY, fault: { kind: 'status', statusCode: 404 } },
    codes: ['http-not-found'],
  },
];

const HREFS: readonly (readonly [string, string])[] = [
  ['index-unsafe-path', 'http://mirror.example.org/x.rpm'],
  ['index-unsafe-path', '//mirror.example.org/x.rpm'],
  ['index-unsafe-path', 'file:///etc/passwd'],
  ['index-unsafe-path', 'https://user:word@cdn.amazonlinux.com/x.rpm'],
];

const CHANGES: readonly Case[] = [
  { what: 'a push between two requests', pushes: 1 },
  { what: 'a push between any two requests', pushes: Infinity, codes: ['index-changed'] },
];

/** What the list of packages says of the kernel, with digests that are right again. */
const CONTENT: readonly Case[] = [
  ...HREFS.map(
    ([code, href]): Case => ({ what: `the address ${href}`, edit: setField('href', href), codes: [code] }),
  ),
  { what: 'no digest of a package', edit: setField('checksum', ''), codes: ['index-malformed'] },
  { what: 'a short digest', edit: setField('checksum', 'abc'), codes: ['index-malformed'] },
  { what: 'a size below nothing', edit: setField('size', '-5'), codes: ['index-malformed'] },
  {
    what: 'a version that climbs',
    edit: setField('version', '../../6'),
    codes: ['index-malformed', 'index-unsafe-path'],
  },
  {
    what: 'a repomd without a list of packages',
    edit: (base) => editRepomd(base, (text) => text.replaceAll(/type="primary(?:_db)?"/gu, 'type="other"')),
    codes: ['index-malformed'],
  },
  {
    what: 'a repomd that ends in the middle',
    edit: (base) => editRepomd(base, (text) => text.slice(0, text.length >> 1)),
    codes: ['index-malformed'],
  },
  {
    what: 'a repomd with entities of its own',
    edit: (base) =>
      editRepomd(base, (text) =>
        text.replace('?>', '?><!DOCTYPE x [<!ENTITY a "b">]>').replace('<revision>', '<revision>&a;'),
      ),
    codes: ['index-malformed'],
  },
  {
    what: 'a list of packages that is none',
    edit: (base, hasDatabase) =>
      replacePrimary(base, hasDatabase, () => Buffer.from('not what it says\n'.repeat(99))),
    codes: ['index-malformed'],
  },
  {
    what: 'a list of packages that ends in the middle',
    edit: (base, hasDatabase) =>
      replacePrimary(base, hasDatabase, (bytes) => bytes.subarray(0, bytes.length >> 1)),
    codes: ['index-malformed'],
  },
];

const TOOLS = ['zstd', 'gzip', ...RPM_TOOLS, ...REPOSITORY_TOOLS, ...INTERNET_TOOLS];

describe.skipIf(needsTool(...TOOLS)).each(ANCHORS)('rpm repositories behind $anchor', (anchor) => {
  let folder: string;
  let signer: Signer;
  let mirror: BuiltMirror;
  let base: string;
  let internet: Internet;
  let listings = 0;

  beforeAll(async () => {
    folder = await makeTempDir(`index-${anchor.distro}`);
    // No package is fetched here, so a kernel may be anything.
    const vmlinux = join(folder, 'vmlinux');
    await writeFile(vmlinux, 'Linux version');
    const kernels = { dwarf4: vmlinux, dwarf5: vmlinux, native: vmlinux, arm64: vmlinux };
    signer = await createSigner(folder, 0, 'rsa2048');
    [mirror, base] = await anchor.build({ folder: join(folder, 'hosts'), signer, kernels });
    await cp(join(base, 'repodata'), join(folder, 'repodata'), { recursive: true });
    internet = await startInternet(join(folder, 'authority'), mirror.hosts);
  });

  afterAll(async () => {
    await internet.close();
    await signer.close();
    await removeDir(folder);
  });

  beforeEach(async () => {
    internet.reset();
    internet.serveAll(mirror.hosts);
    await rm(join(base, 'repodata'), { recursive: true });
    await cp(join(folder, 'repodata'), join(base, 'repodata'), { recursive: true, preserveTimestamps: true });
  });

  async function list(stallTimeoutMs: number): Promise<CrawlResult> {
    const http = internet.createClient({ maxAttempts: 2, stallTimeoutMs });
    const cacheDir = join(folder, `cache${listings++}`);
    await mkdir(cacheDir);
    try {
      const crawler = crawlerFor(anchor.distro);
      const request = {
        ...EVERYTHING,
        releases: [anchor.release],
        archs: [arch],
        keyrings: [mirror.keyring],
        ...(anchor.mirror === undefined ? {} : { mirror: anchor.mirror }),
      };
      const result = await crawler?.list(request, crawlContextForTest({ cacheDir, http }));
      if (result === undefined) throw new Error(`no crawler of ${anchor.distro}`);
      return result;
    } finally {
      await http.close();
    }
  }

  it.each([...TRANSPORT, ...CHANGES, ...CONTENT])(
    '$what',
    async ({ fault, edit, pushes, codes, isOfHost }) => {
      if (fault !== undefined) {
        const where = new RegExp(`(?:${anchor.base.source}).*(?:${fault.on.source})`, 'u');
        internet.fail(where, fault.fault, fault.times === undefined ? {} : { times: fault.times });
      }
      await edit?.(base, anchor.hasDatabase);
      if (pushes !== undefined) {
        const where = new RegExp(`(?:${anchor.base.source}).*(?:${PRIMARY.source})`, 'u');
        internet.before(where, () => push(base, anchor.hasDatabase), { times: pushes });
      }
      const { packages, failures } = await list(fault?.fault.kind === 'stall' ? HASTY_MS : PATIENT_MS);
      const found = packages.map(({ kernel }) => kernel);
      if (codes === undefined) {
        expect(failures).toEqual([]);
        expect(found.sort()).toEqual([anchor.kernel, anchor.neighbour].sort());
        return;
      }
      expect(failures.map(({ error }) => `${error.code}: ${error.message}`)).toEqual([
        expect.stringMatching(new RegExp(`^(?:${codes.join('|')}): `, 'u')),
      ]);
      if (isOfHost !== true || found.length > 0) expect(found).toEqual([anchor.neighbour]);
    },
  );
});

let revision = 0;

/** Makes the indexes anew, with the same packages. */
async function push(base: string, hasDatabase: boolean): Promise<void> {
  revision += 1;
  await replacePrimary(base, hasDatabase, async (bytes, file) => {
    if (!hasDatabase) return Buffer.concat([bytes, Buffer.from(`<!-- ${revision} -->\n`)]);
    const database = openSqlite(file);
    database.pragma(`user_version = ${revision}`);
    database.close();
    return readFile(file);
  });
}

/** For what never comes, and for what takes its time on a busy machine. */
const HASTY_MS = 300;
const PATIENT_MS = 30_000;

type Field = 'href' | 'checksum' | 'size' | 'version';

/** Changes what the list of packages says of kernel-debuginfo. */
function setField(field: Field, value: string): NonNullable<Case['edit']> {
  return (base, hasDatabase) =>
    hasDatabase
      ? replacePrimary(base, true, (_bytes, file) => setInDatabase(file, field, value))
      : replacePrimary(base, false, (bytes) => Buffer.from(setInXml(bytes.toString(), field, value)));
}

function setInXml(text: string, field: Field, value: string): string {
  const patterns: Readonly<Record<Field, RegExp>> = {
    href: /(?<=<location href=")[^"]*/u,
    checksum: /(?<=<checksum type="sha256" pkgid="YES">)[^<]*/u,
    size: /(?<=<size package=")[^"]*/u,
    version: /(?<=ver=")[^"]*/u,
  };
  return text.replace(/<package type="rpm">\s*<name>kernel-debuginfo<\/name>.*?<\/package>/su, (entry) =>
    entry.replace(patterns[field], value),
  );
}

async function setInDatabase(file: string, field: Field, value: string): Promise<Buffer> {
  const columns = {
    href: 'location_href',
    checksum: 'pkgId',
    size: 'size_package',
    version: 'version',
  } as const;
  const database = openSqlite(file);
  database.prepare(`UPDATE packages SET ${columns[field]} = ? WHERE name = 'kernel-debuginfo'`).run(value);
  database.close();
  return readFile(file);
}

/** Unpacks the list of packages, changes it, and puts it back with modifyrepo_c. */
async function replacePrimary(
  base: string,
  hasDatabase: boolean,
  change: (bytes: Buffer, file: string) => Buffer | Promise<Buffer>,
): Promise<void> {
  const repodata = join(base, 'repodata');
  const [type, suffix] = hasDatabase ? ['primary_db', 'sqlite'] : ['primary', 'xml'];
  const name = (await readdir(repodata)).find((one) => one.includes(`primary.${suffix}`)) ?? '';
  const packer = name.endsWith('.zst') ? 'zstd' : 'gzip';
  const plain = await programBytes(packer, ['-dc', join(repodata, name)]);
  const file = join(base, `primary.${suffix}`);
  await writeFile(file, plain);
  await writeFile(file, await change(Buffer.from(plain), file));
  await execa('modifyrepo_c', ['--remove', type, repodata]);
  await execa('modifyrepo_c', [`--mdtype=${type}`, '--compress-type=gz', file, repodata]);
  await rm(file);
}

async function editRepomd(base: string, change: (text: string) => string): Promise<void> {
  const file = join(base, 'repodata/repomd.xml');
  const text = await readFile(file, 'utf8');
  const changed = change(text);
  expect(changed).not.toBe(text);
  await writeFile(file, changed);
}
