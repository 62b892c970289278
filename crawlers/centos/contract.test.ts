import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CrawlerMirror, describeCrawler } from '../../test/contracts/crawler.ts';
import { type IndexedRpm, putRpmIndex } from '../../test/mirrors/rpm-indexes.ts';
import { startFileServer } from '../../test/support/file-server.ts';
import { compareRpmVersions } from '../rpm-md/index.ts';
import { centosCrawler } from './index.ts';

describeCrawler({
  crawler: centosCrawler,
  tools: [],
  start,
  compareVersions: compareRpmVersions,
  signed: 'package',
  unknownReleases: ['99', 'no-such', '../x', '6', '9-linux', '7.9'],
});

async function start(folder: string): Promise<CrawlerMirror> {
  const repositories: readonly (readonly [path: string, rpms: readonly IndexedRpm[]])[] = [
    [
      '7/x86_64',
      [
        kernel('kernel-debuginfo', '3.10.0', '1160.119.1.el7'),
        kernel('kernel-plus-debuginfo', '3.10.0', '1127.el7.centos.plus'),
        kernel('kernel-debug-debuginfo', '3.10.0', '1160.119.1.el7'),
      ],
    ],
    ['8/x86_64', [kernel('kernel-debuginfo', '4.18.0', '147.8.1.el8_1')]],
    ['8/aarch64', [kernel('kernel-debuginfo', '4.18.0', '147.8.1.el8_1', 'aarch64')]],
    ['8-stream/x86_64', [kernel('kernel-debuginfo', '4.18.0', '540.el8')]],
    [
      '10-stream/BaseOS/aarch64/debug/tree',
      [kernel('kernel-64k-debuginfo', '6.12.0', '160.el10', 'aarch64')],
    ],
  ];
  const www = join(folder, 'www');
  for (const [path, rpms] of repositories) await putRpmIndex(join(www, 'centos', path), rpms);
  const keyring = join(folder, 'test.pgp');
  await writeFile(keyring, '');
  const server = await startFileServer(www);
  return {
    request: { mirror: `${server.url}/centos`, keyrings: [keyring] },
    server,
    kernels: [
      '7/x86_64/3.10.0-1160.119.1.el7.x86_64',
      '7/x86_64/3.10.0-1127.el7.centos.plus.x86_64',
      '8/x86_64/4.18.0-147.8.1.el8_1.x86_64',
      '8/arm64/4.18.0-147.8.1.el8_1.aarch64',
      '8/x86_64/4.18.0-540.el8.x86_64',
      '10/arm64/6.12.0-160.el10.aarch64+64k',
    ],
    indexes: [
      {
        name: 'packages of 8, aarch64',
        path: /\/8\/aarch64\/repodata\/.*primary/,
        release: '8',
        lost: ['8/arm64/4.18.0-147.8.1.el8_1.aarch64'],
      },
      {
        name: 'packages of Stream 8',
        path: /\/8-stream\/x86_64\/repodata\/.*primary/,
        release: '8',
        lost: ['8/x86_64/4.18.0-540.el8.x86_64'],
      },
    ],
    close: () => server.close(),
  };
}

function kernel(name: string, version: string, release: string, arch = 'x86_64'): IndexedRpm {
  return { name, version, release, arch };
}
