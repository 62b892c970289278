/** The local mirror against apt itself: what apt accepts and sees is what a Debian mirror offers. */

import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { aptSandbox } from './apt-sandbox.ts';
import { buildSampleMirror, MIRROR_TOOLS, type SampleMirror } from './sample-mirror.ts';

describe.skipIf(needsTool('apt-get', 'apt-cache', ...MIRROR_TOOLS))('local Debian mirror', () => {
  let folder: string;
  let mirror: SampleMirror;
  let server: FileServer;

  beforeAll(async () => {
    folder = await makeTempDir('mirror');
    mirror = await buildSampleMirror(folder);
    server = await startFileServer(mirror.root);
  });

  afterAll(async () => {
    await server.close();
    await mirror.signer.close();
    await removeDir(folder);
  });

  it('is accepted by apt, signatures and digests included', async () => {
    const apt = await aptSandbox(join(folder, 'apt'), {
      keyring: mirror.signer.keyring,
      sources: [
        ...['bookworm', 'bookworm-backports', 'bookworm-updates'].map(
          (suite) => `${server.url}/debian ${suite} main`,
        ),
        `${server.url}/debian-security bookworm-security main`,
      ],
    });
    const { stderr } = await apt('apt-get', 'update');
    expect(stderr).not.toMatch(/^[WE]:/mu);
    const { stdout } = await apt('apt-cache', 'search', '--names-only', '^linux-image-.*-dbg$');
    const names = stdout.split('\n').map((line) => line.split(' ')[0]);
    expect(names.sort()).toEqual([
      'linux-image-6.1-amd64-dbg',
      'linux-image-6.1.0-1-amd64-dbg',
      'linux-image-6.1.0-2-cloud-amd64-dbg',
      'linux-image-6.1.0-3-amd64-dbg',
      'linux-image-6.1.0-4-rt-amd64-dbg',
      'linux-image-6.1.0-5-amd64-dbg',
      'linux-image-6.12.9+deb12-amd64-dbg',
      'linux-image-amd64-dbg',
      'linux-image-cloud-amd64-dbg',
    ]);
    expect(server.log.some((entry) => /by-hash\/SHA256/u.test(entry.path) && entry.statusCode === 200)).toBe(
      true,
    );
    const uris = await apt('apt-get', 'download', '--print-uris', 'linux-image-6.1.0-5-amd64-dbg');
    expect(uris.stdout).toMatch(
      /debian-security\/pool\/updates\/main\/l\/linux\/linux-image-6\.1\.0-5-amd64-dbg_6\.1\.5-1_amd64\.deb.* SHA256:/u,
    );
  });

  it('signs with a stranger beside the trusted key', async () => {
    const inRelease = join(mirror.root, 'debian/dists/bookworm/InRelease');
    const { stdout } = await execa(
      'gpgv',
      ['--status-fd', '1', '--keyring', mirror.signer.keyring, inRelease],
      {
        reject: false,
      },
    );
    expect(stdout).toMatch(/GOODSIG/u);
    expect(stdout).toMatch(/NO_PUBKEY/u);
  });
});
