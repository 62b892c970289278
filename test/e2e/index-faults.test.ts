/** Indexes that must not be believed, and mirrors that will not hand them over: named errors, exit codes 4 and 5. */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debPackage } from '../builders/deb-writer.ts';
import {
  buildDebianMirror,
  type MirrorSuite,
  packageNameOf,
  type RawPackage,
} from '../mirrors/debian-mirror.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { type Fault, type FileServer, startFileServer } from '../support/file-server.ts';
import { type CommandResult, expectExit } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS } from './sample.ts';
import { filesBelow, openSite, query, type Site } from './site.ts';

const KERNEL = '6.1.0-1-amd64';
const SECURITY_KERNEL = '6.1.0-5-amd64';

interface StanzaFault {
  readonly what: string;
  /** Debian's name; every fault gets an index of its own. */
  readonly architecture: string;
  readonly code: string;
  edit(text: string): string;
}

const OUTSIDE = [
  '../../../../etc/passwd',
  '/etc/passwd',
  'http://127.0.0.1:1/other',
  'pool/../../x.deb',
  'pool/%2e%2e/%2e%2e/x.deb',
  'pool\\..\\x.deb',
  '//127.0.0.1:1/x.deb',
  'pool/x.deb?y#z',
];

const MALFORMED: readonly [string, RegExp, string][] = [
  ['no digest', /^SHA256: .*\n/mu, ''],
  ['a short digest', /^SHA256: .*$/mu, 'SHA256: abc'],
  ['a negative size', /^Size: .*$/mu, 'Size: -5'],
  ['no file name', /^Filename: .*\n/mu, ''],
];

const ARCHITECTURES =
  'amd64 arm64 s390x ppc64el riscv64 loong64 armhf armel mips64el mipsel mips powerpc'.split(' ');

const STANZA_FAULTS: readonly StanzaFault[] = [
  ...OUTSIDE.map((filename) => ({
    what: `file ${filename}`,
    code: 'index-unsafe-path',
    edit: (text: string) => text.replace(/^Filename: .*$/mu, () => `Filename: ${filename}`),
  })),
  ...MALFORMED.map(([what, field, value]) => ({
    what,
    code: 'index-malformed',
    edit: (text: string) => text.replace(field, value),
  })),
].map((fault, i) => ({ ...fault, architecture: ARCHITECTURES[i] }));

describe.skipIf(needsTool(...E2E_TOOLS))('indexes with faults', () => {
  let folder: string;
  let root: string;
  let signer: Signer;
  let stranger: Signer;
  let server: FileServer;
  let cases = 0;

  beforeAll(async () => {
    folder = await makeTempDir('index-faults');
    root = join(folder, 'www');
    signer = await createSigner(join(folder, 'trusted'));
    stranger = await createSigner(join(folder, 'stranger'));
    server = await startFileServer(root);
  });

  afterAll(async () => {
    await server.close();
    await signer.close();
    await stranger.close();
    await removeDir(folder);
  });

  async function listWith(choose: (attempt: number) => Fault | undefined): Promise<CommandResult> {
    const { site, path } = await newCase();
    server.setFault((seen) => (seen.path === `${path}/InRelease` ? choose(seen.attempt) : undefined));
    return list(site);
  }

  /** A mirror of its own with bookworm and bookworm-security, and a site that crawls it. */
  async function newCase(
    change: Partial<MirrorSuite> = {},
    signedBy: Signer = signer,
  ): Promise<{ site: Site; name: string; dist: string; path: string }> {
    const name = `case${cases++}`;
    const bookworm: MirrorSuite = {
      name: 'bookworm',
      releaseVersion: '12.11',
      archive: 'debian',
      packages: [await smallPackage(KERNEL)],
      ...change,
    };
    const security: MirrorSuite = {
      name: 'bookworm-security',
      archive: 'debian-security',
      packages: [await smallPackage(SECURITY_KERNEL)],
    };
    const options = { root: join(root, name), architectures: ['amd64'] };
    await buildDebianMirror({ ...options, signer: signedBy, suites: [bookworm] });
    await buildDebianMirror({ ...options, signer, suites: [security] });
    server.clear();
    server.setFault(() => undefined);
    const siteFolder = join(folder, name);
    await mkdir(siteFolder);
    const site = openSite({
      folder: siteFolder,
      mirror: `${server.url}/${name}/debian`,
      keyring: signer.keyring,
    });
    return {
      site,
      name,
      dist: join(root, name, 'debian/dists/bookworm'),
      path: `/${name}/debian/dists/bookworm`,
    };
  }

  it('is not found at fault without one', async () => {
    const { site } = await newCase();
    const result = await list(site);
    expectExit(result, 0);
    expect(result.stdout).toContain(KERNEL);
    expect(result.stdout).toContain(SECURITY_KERNEL);
  });

  it('refuses text that was changed after signing', async () => {
    const { site, dist } = await newCase();
    await edit(join(dist, 'InRelease'), (text) => text.replace('Origin: Debian', 'Origin: Nobody'));
    expectRefused(await list(site), 'index-signature', 5);
  });

  it('refuses the signature of an unknown key, also when it has been seen before', async () => {
    const { site } = await newCase({}, stranger);
    expectRefused(await list(site), 'index-signature', 5);
    expectRefused(await list(site), 'index-signature', 5);
  });

  it('refuses an index that is not signed', async () => {
    const { site, dist } = await newCase();
    await writeFile(join(dist, 'InRelease'), await readFile(join(dist, 'Release')));
    expectRefused(await list(site), 'index-signature', 5);
  });

  it('refuses a good signature over something else, with the forged index beside it', async () => {
    const { site, dist } = await newCase();
    const signed = await readFile(join(dist, 'InRelease'), 'utf8');
    const forged = (await readFile(join(dist, 'Release'), 'utf8')).replace('Version: 12.11', 'Version: 66.6');
    for (const text of [`${forged}\n${signed}`, `${signed}\n${forged}`]) {
      await writeFile(join(dist, 'InRelease'), text);
      const result = await list(site);
      expect(result.stdout).not.toContain('debian/66');
      if (result.exitCode !== 0) expectRefused(result, 'index-signature', 5);
    }
  });

  it('takes an index without a good signature when told so, and records that', async () => {
    const { site } = await newCase({}, stranger);
    const result = await list(site, '--insecure');
    expectExit(result, 0);
    expect(result.stdout).toContain(KERNEL);
    await site.crawl(['--insecure']);
    expect(query(site.db, 'SELECT DISTINCT trust FROM packages')).toEqual([{ trust: 'insecure' }]);
  });

  it('refuses an expired index unless told otherwise', async () => {
    const { site } = await newCase({ validUntil: new Date(Date.now() - 3_600_000) });
    expectRefused(await list(site), 'index-expired', 5);
    const accepted = await list(site, '--allow-expired');
    expectExit(accepted, 0);
    expect(accepted.stdout).toContain(KERNEL);
  });

  it('refuses a package list that differs from its signed digest', async () => {
    const { site, dist } = await newCase();
    const folder = join(dist, 'main/binary-amd64');
    for (const file of await filesBelow(folder)) {
      if (/Packages$|by-hash/u.test(file)) continue;
      const bytes = await readFile(file);
      bytes[bytes.length - 1] ^= 1;
      await writeFile(file, bytes);
    }
    for (const file of await filesBelow(join(folder, 'by-hash'))) {
      const bytes = await readFile(file);
      bytes[bytes.length >> 1] ^= 1;
      await writeFile(file, bytes);
    }
    expectRefused(await list(site), 'index-digest', 5);
  });

  it('reads the package list by its plain name where a mirror has no by-hash', async () => {
    const { site, dist } = await newCase();
    await rm(join(dist, 'main/binary-amd64/by-hash'), { recursive: true });
    const result = await list(site);
    expectExit(result, 0);
    expect(result.stdout).toContain(KERNEL);
  });

  it('refuses the index of another suite in its place', async () => {
    const { site, dist } = await newCase();
    await writeFile(
      join(dist, 'InRelease'),
      await readFile(join(dist, '../../../debian-security/dists/bookworm-security/InRelease')),
    );
    expectRefused(await list(site), 'index-malformed', 5);
  });

  it('refuses bad stanzas, each for its architecture', async () => {
    const architectures = STANZA_FAULTS.map(({ architecture }) => architecture);
    const { site, name } = await newCase();
    await buildDebianMirror({
      root: join(root, name),
      architectures,
      signer,
      suites: [
        {
          name: 'bookworm',
          releaseVersion: '12.11',
          archive: 'debian',
          packages: await Promise.all(architectures.map((one) => smallPackage(KERNEL, one))),
          editPackages: (text, architecture) =>
            STANZA_FAULTS.find((fault) => fault.architecture === architecture)?.edit(text) ?? text,
        },
      ],
    });
    const result = await site.crawl([
      '--dry-run',
      ...architectures.flatMap((architecture) => ['--arch', architecture]),
    ]);
    expectExit(result, 5);
    const refused = result.events.filter(({ event }) => event === 'index.failed');
    const found = STANZA_FAULTS.map(({ architecture, what }) => {
      const failure = refused.find(({ message }) => String(message).includes(`binary-${architecture}/`));
      return { what, code: failure?.code };
    });
    expect(found).toEqual(STANZA_FAULTS.map(({ what, code }) => ({ what, code })));
    const planned = result.events.filter(({ event }) => event === 'plan.kernel');
    expect(planned.map(({ kernel }) => kernel)).toEqual([SECURITY_KERNEL]);
    expect(server.log.filter((entry) => !entry.path.includes('/dists/'))).toEqual([]);
  });

  describe('a mirror that misbehaves', () => {
    it.each<[string, string, Fault]>([
      ['403', 'http-refused', { kind: 'status', statusCode: 403 }],
      ['404', 'http-not-found', { kind: 'status', statusCode: 404 }],
      [
        '429 for hours',
        'http-refused',
        { kind: 'status', statusCode: 429, headers: { 'retry-after': '7200' } },
      ],
      ['500 for good', 'http-status', { kind: 'status', statusCode: 500 }],
      ['a redirect to itself', 'http-redirect', { kind: 'redirect', location: 'InRelease' }],
      ['a redirect to a file', 'http-redirect', { kind: 'redirect', location: 'file:///etc/passwd' }],
      ['a cut, every time', 'http-truncated', { kind: 'cut', afterBytes: 50 }],
      ['too little, every time', 'http-truncated', { kind: 'overstate', byBytes: 10 }],
    ])('gives up on %s with %s', async (_what, code, fault) => {
      expectRefused(await listWith(() => fault), code, 4);
    });

    it.each<[string, Fault]>([
      ['429 and a date', { kind: 'status', statusCode: 429, headers: { 'retry-after': '1' } }],
      ['503 once', { kind: 'status', statusCode: 503 }],
      ['a cut', { kind: 'cut', afterBytes: 50 }],
    ])('gets over %s', async (_what, fault) => {
      const result = await listWith((attempt) => (attempt === 1 ? fault : undefined));
      expectExit(result, 0);
      expect(result.stdout).toContain(KERNEL);
    });

    it('follows a redirect, and judges what it finds there', async () => {
      const { site, path, dist } = await newCase();
      await writeFile(join(dist, 'elsewhere'), await readFile(join(dist, 'InRelease')));
      server.setFault((seen) =>
        seen.path === `${path}/InRelease` ? { kind: 'redirect', location: 'elsewhere' } : undefined,
      );
      expectExit(await list(site), 0);
      await edit(join(dist, 'elsewhere'), (text) => text.replace('Origin: Debian', 'Origin: Nobody'));
      const fresh = openSite({
        folder: site.folder,
        mirror: `${server.url}${path.replace(/\/dists.*/u, '')}`,
        keyring: signer.keyring,
      });
      await rm(site.db, { force: true });
      expectRefused(await list(fresh), 'index-signature', 5);
    });

    it('says so when nobody answers', async () => {
      const { site } = await newCase();
      const dead = openSite({
        folder: site.folder,
        mirror: 'http://127.0.0.1:1/debian',
        keyring: signer.keyring,
      });
      const result = await list(dead);
      expectExit(result, 4);
      expect(result.stderr).toMatch(/http-unreachable/u);
    });
  });
});

function list(site: Site, ...extra: readonly string[]): Promise<CommandResult> {
  return site.command(site.args('--dry-run', ...extra));
}

/** Bookworm is refused with this code; its neighbour is listed nevertheless. */
function expectRefused(result: CommandResult, code: string, exitCode: number): void {
  expectExit(result, exitCode);
  expect(result.stderr).toMatch(new RegExp(code, 'u'));
  expect(result.stdout).toContain(SECURITY_KERNEL);
  expect(result.stdout).not.toContain(KERNEL);
}

async function smallPackage(kernel: string, architecture = 'amd64'): Promise<RawPackage> {
  const identity = { name: packageNameOf(kernel), version: '6.1.1-1', architecture };
  return { ...identity, bytes: await debPackage({ ...identity, compression: 'xz', entries: [] }) };
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const changed = change(text);
  expect(changed).not.toBe(text);
  await writeFile(file, changed);
}
