import { packageStanza, serveSuites } from '../../test/mirrors/apt-indexes.ts';
import { type CrawlerMirror, describeCrawler } from '../../test/contracts/crawler.ts';
import { APT_ARCHIVE_TOOLS } from '../../test/support/apt-archive.ts';
import { compareDebianVersions } from '../apt/index.ts';
import { debianCrawler } from './index.ts';

describeCrawler({
  crawler: debianCrawler,
  tools: APT_ARCHIVE_TOOLS,
  start,
  compareVersions: compareDebianVersions,
  signed: 'index',
});

async function start(folder: string): Promise<CrawlerMirror> {
  const archive = await serveSuites(folder, [
    {
      base: 'debian',
      path: 'bookworm',
      release: ['Suite: oldstable', 'Codename: bookworm', 'Version: 12.15'],
      packages: {
        amd64: [kernel('6.1.0-47-amd64', '6.1.170-3'), kernel('6.1.0-50-amd64', '6.1.176-1')],
        arm64: [kernel('6.1.0-50-arm64', '6.1.176-1', 'arm64')],
      },
    },
    {
      base: 'debian-security',
      path: 'bookworm-security',
      release: ['Suite: oldstable-security', 'Codename: bookworm-security', 'Version: 12'],
      packages: { amd64: [kernel('6.1.0-53-amd64', '6.1.187-1')], arm64: [] },
    },
    {
      base: 'debian',
      path: 'trixie',
      release: ['Suite: stable', 'Codename: trixie', 'Version: 13.2'],
      packages: {
        amd64: [kernel('6.12.94+deb13-amd64', '6.12.94-1')],
        arm64: [kernel('6.12.94+deb13-arm64', '6.12.94-1', 'arm64')],
      },
    },
  ]);
  return {
    request: { mirror: `${archive.server.url}/debian`, keyrings: [archive.keyring] },
    server: archive.server,
    kernels: [
      '12/x86_64/6.1.0-47-amd64',
      '12/x86_64/6.1.0-50-amd64',
      '12/arm64/6.1.0-50-arm64',
      '12/x86_64/6.1.0-53-amd64',
      '13/x86_64/6.12.94+deb13-amd64',
      '13/arm64/6.12.94+deb13-arm64',
    ],
    indexes: [
      {
        name: 'Packages of trixie, arm64',
        path: /\/dists\/trixie\/main\/binary-arm64\//,
        release: '13',
        lost: ['13/arm64/6.12.94+deb13-arm64'],
      },
    ],
    close: () => archive.close(),
  };
}

function kernel(name: string, version: string, arch = 'amd64'): string {
  return packageStanza(`linux-image-${name}-dbg`, version, { Architecture: arch });
}
