/** The local Ubuntu: its debug archive against apt, its Launchpad against what the real one's answers look like. */

import { createHash } from 'node:crypto';

import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../crawlers/http/client.ts';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { aptSandbox } from './apt-sandbox.ts';
import { keysOf } from './built-mirror.ts';
import { buildKernels, KERNEL_TOOLS } from './kernels.ts';
import { createSigner, type Signer } from './signer.ts';
import { buildUbuntuMirror, UBUNTU_MIRROR_TOOLS, type UbuntuMirror } from './ubuntu-mirror.ts';

const TOOLS = [
  'apt-get',
  'apt-cache',
  'gpg',
  'gpgconf',
  ...UBUNTU_MIRROR_TOOLS,
  ...KERNEL_TOOLS,
  ...INTERNET_TOOLS,
];
const API = 'https://api.launchpad.net/devel/ubuntu';

interface Page {
  readonly entries: readonly Readonly<Record<string, unknown>>[];
  readonly next_collection_link?: string;
}

describe.skipIf(needsTool(...TOOLS))('local Ubuntu mirror', () => {
  let folder: string;
  let signer: Signer;
  let mirror: UbuntuMirror;
  let internet: Internet;
  let client: HttpClient;

  beforeAll(async () => {
    folder = await makeTempDir('ubuntu');
    signer = await createSigner(folder);
    mirror = await buildUbuntuMirror({
      folder: join(folder, 'hosts'),
      signer,
      kernels: await buildKernels(folder),
    });
    internet = await startInternet(join(folder, 'authority'), mirror.hosts);
    client = internet.createClient();
  });

  afterAll(async () => {
    await client.close();
    await internet.close();
    await signer.close();
    await removeDir(folder);
  });

  async function get(url: string): Promise<Buffer> {
    const response = await client.request(url, { signal: new AbortController().signal });
    expect(response.statusCode).toBe(200);
    return Buffer.concat(await response.body.toArray());
  }

  it('is accepted by apt, signatures and digests included', async () => {
    const base = 'http://ddebs.ubuntu.com';
    const apt = await aptSandbox(join(folder, 'apt'), {
      keyring: mirror.keyring,
      sources: ['focal', 'focal-updates', 'focal-proposed'].map((suite) => `${base} ${suite} main universe`),
      proxy: internet.env['http_proxy'],
    });
    const { stderr } = await apt('apt-get', 'update');
    expect(stderr).not.toMatch(/^[WE]:/mu);
    const { stdout } = await apt('apt-cache', 'search', '--names-only', '^linux-image-.*-dbgsym$');
    expect(
      stdout
        .split('\n')
        .map((line) => line.split(' ')[0])
        .sort(),
    ).toEqual([
      'linux-image-5.11.0-34-generic-dbgsym',
      'linux-image-5.13.0-1029-oem-dbgsym',
      'linux-image-5.4.0-1094-aws-dbgsym',
      'linux-image-5.4.0-230-generic-dbgsym',
      'linux-image-5.4.0-26-generic-dbgsym',
      'linux-image-5.4.0-92-generic-dbgsym',
      'linux-image-unsigned-5.11.0-34-generic-dbgsym',
      'linux-image-unsigned-5.13.0-1029-oem-dbgsym',
      'linux-image-unsigned-5.4.0-230-generic-dbgsym',
      'linux-image-unsigned-5.4.0-26-generic-dbgsym',
      'linux-image-unsigned-5.4.0-92-generic-dbgsym',
    ]);
    const shim = await apt('apt-cache', 'depends', 'linux-image-5.4.0-92-generic-dbgsym');
    expect(shim.stdout).toContain('Depends: linux-image-unsigned-5.4.0-92-generic-dbgsym');
    await apt('apt-get', 'download', 'linux-image-unsigned-5.4.0-92-generic-dbgsym');
    expect(internet.requests(/linux-image-unsigned-5\.4\.0-92-generic-dbgsym.*\.ddeb$/u)).toMatchObject([
      { statusCode: 200 },
    ]);
  });

  it('has Launchpad tell of packages page by page, and hand them out', async () => {
    const series = encodeURIComponent(`${API}/focal/amd64`);
    let next: string | undefined =
      `${API}/+archive/primary?ws.op=getPublishedBinaries&binary_name=linux-image-&exact_match=false&distro_arch_series=${series}&ws.size=300`;
    const entries: Page['entries'][number][] = [];
    while (next !== undefined) {
      const page = JSON.parse((await get(next)).toString()) as Page;
      expect(page.entries.length).toBeLessThanOrEqual(2);
      entries.push(...page.entries);
      next = page.next_collection_link;
    }
    const names = entries.map((entry) => entry['binary_package_name']);
    expect(names).toContain('linux-image-unsigned-5.4.0-40-generic-dbgsym');
    expect(names).not.toContain('linux-image-4.4.0-98-generic-dbgsym');
    expect(new Set(names).size).toBe(8);
    const question = `${String(entries[0]['self_link'])}?ws.op=binaryFileUrls&include_meta=true`;
    const [file] = JSON.parse((await get(question)).toString()) as {
      url: string;
      size: number;
      sha256: string;
    }[];
    const bytes = await get(file.url);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);
    expect(bytes.length).toBe(file.size);
    expect(internet.requests(/launchpadlibrarian/u)).toHaveLength(1);
  });

  it('says what a crawl finds', async () => {
    expect(keysOf(mirror, 'ubuntu/18.04/')).toEqual([
      'ubuntu/18.04/arm64/4.15.0-20-generic',
      'ubuntu/18.04/x86_64/4.15.0-1120-kvm',
      'ubuntu/18.04/x86_64/4.15.0-20-generic',
      'ubuntu/18.04/x86_64/4.15.0-213-lowlatency',
      'ubuntu/18.04/x86_64/5.4.0-92-generic',
    ]);
    expect((await get('https://changelogs.ubuntu.com/meta-release')).toString()).toContain('Dist: noble\n');
    await execa('gpgv', ['--keyring', mirror.keyring, join(mirror.root, 'dists/noble-updates/InRelease')]);
  });
});
