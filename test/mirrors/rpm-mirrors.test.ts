/** The local mirrors of the rpm world against rpm itself, and their indexes against their files. */

import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow } from '../e2e/site.ts';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { type BuildMirrorOptions, type BuiltMirror, keysOf } from './built-mirror.ts';
import { buildAmazonMirror } from './amzn-mirror.ts';
import { buildCentosMirror } from './centos-mirror.ts';
import { buildFedoraMirror } from './fedora-mirror.ts';
import { buildKernels, KERNEL_TOOLS, type MirrorKernels } from './kernels.ts';
import { RPM_TOOLS } from './rpm-package.ts';
import { REPOSITORY_TOOLS } from './rpm-repository.ts';
import { createSigner, type Signer } from './signer.ts';

const TOOLS = [
  'rpm',
  'rpmkeys',
  'rpm2cpio',
  'cpio',
  ...KERNEL_TOOLS,
  ...RPM_TOOLS,
  ...REPOSITORY_TOOLS,
  ...INTERNET_TOOLS,
];

interface Case {
  readonly distro: string;
  readonly build: (options: BuildMirrorOptions) => Promise<BuiltMirror>;
  /** Addresses that name a repository, and the repomd.xml that they lead to. */
  readonly anchors: readonly (readonly [string, RegExp])[];
}

const CASES: readonly Case[] = [
  {
    distro: 'fedora',
    build: buildFedoraMirror,
    anchors: [
      [
        'https://mirrors.fedoraproject.org/metalink?repo=updates-released-debug-f43&arch=aarch64',
        /<url [^>]*>(https:\/\/dl\.fedoraproject\.org\/[^<]*)<\/url>/u,
      ],
      [
        'https://mirrors.fedoraproject.org/metalink?repo=fedora-debug-31&arch=x86_64',
        /<url [^>]*>(https:\/\/archives\.fedoraproject\.org\/[^<]*)<\/url>/u,
      ],
    ],
  },
  {
    distro: 'centos',
    build: buildCentosMirror,
    anchors: [
      [
        'https://mirrors.centos.org/metalink?repo=centos-nfv-debug-10-stream&arch=x86_64&protocol=https,http',
        /<url [^>]*>(https:\/\/mirror\.stream\.centos\.org\/[^<]*)<\/url>/u,
      ],
    ],
  },
  {
    distro: 'amzn',
    build: buildAmazonMirror,
    anchors: [
      ['https://cdn.amazonlinux.com/2/extras/kernel-5.10/latest/debuginfo/aarch64/mirror.list', /^(.*)$/mu],
      ['https://cdn.amazonlinux.com/al2023/core/mirrors/latest/debuginfo/x86_64/mirror.list', /^(.*)$/mu],
      ['http://repo.us-east-1.amazonaws.com/2018.03/updates/debuginfo/x86_64/mirror.list', /^(.*)$/mu],
    ],
  },
];

describe.skipIf(needsTool(...TOOLS)).each(CASES)('local $distro mirror', ({ distro, build, anchors }) => {
  let folder: string;
  let root: string;
  let signer: Signer;
  let kernels: MirrorKernels;
  let internet: Internet;
  let mirror: BuiltMirror;

  beforeAll(async () => {
    folder = await makeTempDir(`mirror-${distro}`);
    root = join(folder, 'hosts');
    kernels = await buildKernels(folder);
    signer = await createSigner(folder, 0, 'rsa2048');
    mirror = await build({ folder: root, signer, kernels });
    internet = await startInternet(join(folder, 'authority'), mirror.hosts);
  });

  afterAll(async () => {
    await internet.close();
    await signer.close();
    await removeDir(folder);
  });

  it('has packages whose signatures rpm accepts', async () => {
    const db = join(folder, 'rpmdb');
    await mkdir(db);
    const armoured = `${mirror.keyring}.asc`;
    await execa('gpg', ['--homedir', signer.home, '--armor', '--output', armoured, '--export', signer.user]);
    await execa('rpmkeys', ['--dbpath', db, '--import', armoured]);
    const rpms = (await filesBelow(root)).filter((file) => file.endsWith('.rpm'));
    const { stdout } = await execa('rpmkeys', ['--dbpath', db, '--checksig', ...new Set(rpms)]);
    const refused = stdout.split('\n').filter((line) => !line.endsWith(': digests signatures OK'));
    expect(refused).toEqual([]);
    expect(rpms.length).toBeGreaterThan(keysOf(mirror).length);
  });

  it('has indexes that describe the files that are there', async () => {
    const files = await filesBelow(root);
    const repomds = files.filter((file) => basename(file) === 'repomd.xml');
    expect(repomds.length).toBeGreaterThan(2);
    for (const repomd of repomds) {
      const text = await readFile(repomd, 'utf8');
      const listed = [...text.matchAll(/<data type="([a-z_]+)">.*?<\/data>/gsu)];
      expect(listed.map(([, type]) => type)).toEqual(
        expect.arrayContaining([expect.stringMatching(/^primary/u)]),
      );
      for (const [data] of listed) {
        const [, type = '', digest] = /<checksum type="(\w+)">([0-9a-f]+)</u.exec(data) ?? [];
        const [, href = ''] = /<location href="([^"]+)"/u.exec(data) ?? [];
        const bytes = await readFile(join(dirname(repomd), '..', href));
        expect(
          createHash(type === 'sha' ? 'sha1' : type)
            .update(bytes)
            .digest('hex'),
        ).toBe(digest);
        expect(bytes.length).toBe(Number(/<size>(\d+)</u.exec(data)?.[1]));
        if (!href.includes('primary.xml')) continue;
        const packer = { gz: 'gzip', bz2: 'bzip2', xz: 'xz', zst: 'zstd' }[
          href.slice(href.lastIndexOf('.') + 1)
        ];
        const { stdout } = await execa(packer ?? 'false', ['-dc', join(dirname(repomd), '..', href)]);
        const hrefs = [...stdout.matchAll(/<location .*?href="([^"]+)"/gu)].map(([, path]) => path);
        expect(hrefs.length).toBeGreaterThan(0);
        for (const path of hrefs) await stat(join(dirname(repomd), '..', path));
      }
    }
  });

  it('has kernels that say who they are, each once', async () => {
    expect(new Set(mirror.kernels.map(({ key }) => key)).size).toBe(mirror.kernels.length);
    const rpms = (await filesBelow(root)).filter((file) => file.endsWith('.rpm'));
    const paths = new Map<string, string>();
    for (const rpm of rpms) {
      const { stdout } = await execa('rpm', ['-qpl', '--nosignature', rpm]);
      const path = /^.*\/modules\/(.*)\/vmlinux$/mu.exec(stdout);
      if (path !== null) paths.set(path[1], rpm);
    }
    const names = mirror.kernels.map(({ key }) => key.slice(key.lastIndexOf('/') + 1));
    expect([...paths.keys()].sort()).toEqual([...new Set(names)].sort());
    for (const name of [names[0], names.at(-1) ?? '']) {
      const command = `rpm2cpio "$1" | cpio --quiet -i --to-stdout '*/vmlinux' | grep -ac "^Linux version $2 ("`;
      const { stdout } = await execa('sh', [
        '-c',
        command.replace('^', ''),
        'sh',
        paths.get(name) ?? '',
        name,
      ]);
      expect(stdout).toBe('1');
    }
  });

  it.each(anchors)('leads from %s to a repomd.xml that answers', async (url, pattern) => {
    const client = internet.createClient();
    try {
      const get = async (address: string): Promise<Buffer> => {
        const response = await client.request(address, { signal: new AbortController().signal });
        expect(response.statusCode).toBe(200);
        return Buffer.concat(await response.body.toArray());
      };
      const anchor = (await get(url)).toString();
      const [, target = ''] = pattern.exec(anchor) ?? [];
      const repomd = await get(
        target.endsWith('repomd.xml')
          ? target
          : new URL('repodata/repomd.xml', target.replace(/\/?$/u, '/')).href,
      );
      const digest = createHash('sha256').update(repomd).digest('hex');
      if (anchor.startsWith('<?xml')) expect(anchor).toContain(`<hash type="sha256">${digest}</hash>`);
    } finally {
      await client.close();
    }
  });
});
