import { join } from 'node:path';
import { type CrawlerMirror, describeCrawler } from '../../test/contracts/crawler.ts';
import { type IndexedRpm, putRpmIndex } from '../../test/mirrors/rpm-indexes.ts';
import { startFileServer } from '../../test/support/file-server.ts';
import { compareRpmVersions } from '../rpm-md/index.ts';
import { FEDORA_KEYRINGS } from '../trust/index.ts';
import { fedoraCrawler } from './index.ts';

describeCrawler({
  crawler: fedoraCrawler,
  tools: [],
  start,
  compareVersions: compareRpmVersions,
  signed: 'package',
  // 99 may be one day.
  unknownReleases: ['7', '20.04', '2023', 'no-such', '../x'],
});

async function start(folder: string): Promise<CrawlerMirror> {
  const www = join(folder, 'www');
  const put = (path: string, ...rpms: readonly IndexedRpm[]) => putRpmIndex(join(www, 'fedora', path), rpms);
  await put(
    'releases/31/Everything/x86_64/debug/tree',
    kernel('5.3.7', '301.fc31'),
    common('5.3.7', '301.fc31'),
  );
  await put('updates/31/Everything/x86_64/debug', kernel('5.8.18', '100.fc31'));
  await put('releases/31/Everything/aarch64/debug/tree', kernel('5.3.7', '301.fc31', 'aarch64'));
  await put('releases/43/Everything/x86_64/debug/tree', kernel('6.17.1', '300.fc43'));
  await put('updates/43/Everything/aarch64/debug', kernel('6.17.8', '300.fc43', 'aarch64'));
  await put('updates/testing/43/Everything/x86_64/debug', kernel('6.17.9', '300.fc43'));
  await put('updates/27/x86_64/debug', kernel('4.18.19', '100.fc27'));
  await put('development/rawhide/Everything/x86_64/debug/tree', kernel('7.3.0', '0.rc1.15.fc46'));
  const server = await startFileServer(www);
  return {
    request: { mirror: `${server.url}/fedora/`, keyrings: [FEDORA_KEYRINGS.get(43) as string] },
    server,
    kernels: [
      '46/x86_64/7.3.0-0.rc1.15.fc46.x86_64',
      '43/x86_64/6.17.9-300.fc43.x86_64',
      '43/arm64/6.17.8-300.fc43.aarch64',
      '43/x86_64/6.17.1-300.fc43.x86_64',
      '31/x86_64/5.8.18-100.fc31.x86_64',
      '31/x86_64/5.3.7-301.fc31.x86_64',
      '31/arm64/5.3.7-301.fc31.aarch64',
      '27/x86_64/4.18.19-100.fc27.x86_64',
    ],
    indexes: [
      {
        name: 'list of packages of the updates of 31',
        path: /\/updates\/31\/Everything\/x86_64\/.*primary/,
        release: '31',
        lost: ['31/x86_64/5.8.18-100.fc31.x86_64'],
      },
      {
        name: 'list of packages of rawhide',
        path: /\/rawhide\/.*primary/,
        release: 'rawhide',
        lost: ['46/x86_64/7.3.0-0.rc1.15.fc46.x86_64'],
      },
    ],
    close: () => server.close(),
  };
}

function kernel(version: string, release: string, arch = 'x86_64'): IndexedRpm {
  return { name: 'kernel-debuginfo', version, release, arch };
}

function common(version: string, release: string): IndexedRpm {
  return { ...kernel(version, release), name: 'kernel-debuginfo-common-x86_64' };
}
