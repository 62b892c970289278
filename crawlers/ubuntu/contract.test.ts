import { type CrawlerMirror, describeCrawler } from '../../test/contracts/crawler.ts';
import { packageStanza, serveSuites } from '../../test/mirrors/apt-indexes.ts';
import { APT_ARCHIVE_TOOLS } from '../../test/support/apt-archive.ts';
import { compareDebianVersions } from '../apt/index.ts';
import { ubuntuCrawler } from './index.ts';

describeCrawler({
  crawler: ubuntuCrawler,
  tools: APT_ARCHIVE_TOOLS,
  start,
  compareVersions: compareDebianVersions,
  signed: 'index',
});

async function start(folder: string): Promise<CrawlerMirror> {
  // One `uname -r` in two releases, from the hardware-enablement packages of the older one.
  const archive = await serveSuites(folder, [
    {
      base: '',
      path: 'bionic',
      release: ['Suite: bionic', 'Codename: bionic', 'Version: 18.04'],
      packages: { amd64: [], arm64: [] },
    },
    {
      base: '',
      path: 'bionic-updates',
      release: ['Suite: bionic-updates', 'Codename: bionic', 'Version: 18.04'],
      packages: {
        amd64: [unsigned('5.4.0-92-generic', '5.4.0-92.103~18.04.2')],
        arm64: [plain('5.4.0-1001-raspi', '5.4.0-1001.1~18.04.1', 'arm64')],
      },
    },
    {
      base: '',
      path: 'focal',
      release: ['Suite: focal', 'Codename: focal', 'Version: 20.04'],
      packages: {
        amd64: [unsigned('5.4.0-26-generic', '5.4.0-26.30')],
        arm64: [unsigned('5.4.0-26-generic', '5.4.0-26.30', 'arm64')],
        'universe/amd64': [plain('5.4.0-1009-kvm', '5.4.0-1009.9')],
      },
    },
    {
      base: '',
      path: 'focal-updates',
      release: ['Suite: focal-updates', 'Codename: focal', 'Version: 20.04'],
      packages: { amd64: [unsigned('5.4.0-92-generic', '5.4.0-92.103')], arm64: [] },
    },
  ]);
  return {
    request: { mirror: archive.server.url, keyrings: [archive.keyring] },
    server: archive.server,
    kernels: [
      '18.04/x86_64/5.4.0-92-generic',
      '18.04/arm64/5.4.0-1001-raspi',
      '20.04/x86_64/5.4.0-26-generic',
      '20.04/arm64/5.4.0-26-generic',
      '20.04/x86_64/5.4.0-1009-kvm',
      '20.04/x86_64/5.4.0-92-generic',
    ],
    indexes: [
      {
        name: 'Packages of focal, universe, amd64',
        path: /\/dists\/focal\/universe\/binary-amd64\//,
        release: '20.04',
        lost: ['20.04/x86_64/5.4.0-1009-kvm'],
      },
      {
        name: 'Packages of bionic-updates, main, arm64',
        path: /\/dists\/bionic-updates\/main\/binary-arm64\//,
        release: '18.04',
        lost: ['18.04/arm64/5.4.0-1001-raspi'],
      },
    ],
    close: () => archive.close(),
  };
}

function unsigned(kernel: string, version: string, arch = 'amd64'): string {
  return packageStanza(`linux-image-unsigned-${kernel}-dbgsym`, version, { Architecture: arch });
}

function plain(kernel: string, version: string, arch = 'amd64'): string {
  return packageStanza(`linux-image-${kernel}-dbgsym`, version, { Architecture: arch });
}
