import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CrawlerMirror, describeCrawler } from '../../test/contracts/crawler.ts';
import { type IndexedRpm, putRpmIndex } from '../../test/mirrors/rpm-indexes.ts';
import { startFileServer } from '../../test/support/file-server.ts';
import { compareRpmVersions } from '../rpm-md/index.ts';
import { amazonCrawler } from './index.ts';

describeCrawler({
  crawler: amazonCrawler,
  tools: [],
  start,
  compareVersions: compareRpmVersions,
  signed: 'package',
  unknownReleases: ['99', 'no-such', '../x', '2022', '2023.6'],
});

async function start(folder: string): Promise<CrawlerMirror> {
  const www = join(folder, 'www');
  await mkdir(www, { recursive: true });
  const server = await startFileServer(www);
  const repositories: readonly (readonly [list: string, base: string, rpms: readonly IndexedRpm[]])[] = [
    [
      '2018.03/updates/debuginfo',
      '2018.03/updates/c539/x86_64',
      [kernel('kernel-debuginfo', '4.14.355', '196.647.amzn1')],
    ],
    [
      '2/core/latest/debuginfo/x86_64',
      '2/core/2.0/x86_64/221a',
      [
        kernel('kernel-debuginfo', '4.14.281', '212.502.amzn2'),
        kernel('kernel-debuginfo', '4.14.355', '275.570.amzn2'),
      ],
    ],
    [
      '2/extras/kernel-5.10/latest/debuginfo/aarch64',
      '2/extras/kernel-5.10/stable/aarch64/77',
      [kernel('kernel-debuginfo', '5.10.247', '246.989.amzn2', 'aarch64')],
    ],
    [
      'al2023/core/mirrors/latest/debuginfo/aarch64',
      'al2023/core/guids/46ff/aarch64',
      [
        kernel('kernel6.12-debuginfo', '6.12.35', '55.103.amzn2023', 'aarch64'),
        kernel('kernel-debug-debuginfo', '6.1.79', '99.167.amzn2023', 'aarch64'),
      ],
    ],
  ];
  for (const [list, base, rpms] of repositories) {
    await putRpmIndex(join(www, base), rpms);
    await mkdir(join(www, list), { recursive: true });
    await writeFile(join(www, list, 'mirror.list'), `${server.url}/${base}\n`);
  }
  const topics = ['docker', 'kernel-5.10'].map((n) => ({ n }));
  await writeFile(join(www, '2/extras-catalog.json'), JSON.stringify({ topics }));
  const keyring = join(folder, 'test.pgp');
  await writeFile(keyring, '');
  return {
    request: { mirror: server.url, keyrings: [keyring] },
    server,
    kernels: [
      '2018/x86_64/4.14.355-196.647.amzn1.x86_64',
      '2/x86_64/4.14.281-212.502.amzn2.x86_64',
      '2/x86_64/4.14.355-275.570.amzn2.x86_64',
      '2/arm64/5.10.247-246.989.amzn2.aarch64',
      '2023/arm64/6.12.35-55.103.amzn2023.aarch64',
    ],
    indexes: [
      {
        name: 'packages of 2’s core',
        path: /\/2\/core\/2\.0\/x86_64\/221a\/repodata\/.*primary/,
        release: '2',
        lost: ['2/x86_64/4.14.281-212.502.amzn2.x86_64', '2/x86_64/4.14.355-275.570.amzn2.x86_64'],
      },
      {
        name: 'packages of 2023',
        path: /\/al2023\/.*primary/,
        release: '2023',
        lost: ['2023/arm64/6.12.35-55.103.amzn2023.aarch64'],
      },
    ],
    close: () => server.close(),
  };
}

function kernel(name: string, version: string, release: string, arch = 'x86_64'): IndexedRpm {
  return { name, version, release, arch };
}
