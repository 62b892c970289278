import { join } from 'node:path';
import { type CrawlerMirror, describeCrawler } from '../../test/contracts/crawler.ts';
import { packageStanza, putSuite } from '../../test/mirrors/apt-indexes.ts';
import { createSigner } from '../../test/mirrors/signer.ts';
import { startFileServer } from '../../test/support/file-server.ts';
import { compareDebianVersions } from '../apt/index.ts';
import { ubuntuCrawler } from './index.ts';

describeCrawler({
  crawler: ubuntuCrawler,
  tools: ['gpg', 'gpgconf', 'gpgv'],
  start,
  compareVersions: compareDebianVersions,
  signed: 'index',
});

async function start(folder: string): Promise<CrawlerMirror> {
  const signer = await createSigner(folder);
  const www = join(folder, 'www');
  // One `uname -r` in two releases, from the hardware-enablement packages of the older one.
  await putSuite(www, signer, {
    base: '',
    path: 'bionic',
    release: ['Suite: bionic', 'Codename: bionic', 'Version: 18.04'],
    packages: { amd64: [], arm64: [] },
  });
  await putSuite(www, signer, {
    base: '',
    path: 'bionic-updates',
    release: ['Suite: bionic-updates', 'Codename: bionic', 'Version: 18.04'],
    packages: {
      amd64: [unsigned('5.4.0-92-generic', '5.4.0-92.103~18.04.2')],
      arm64: [plain('5.4.0-1001-raspi', '5.4.0-1001.1~18.04.1', 'arm64')],
    },
  });
  await putSuite(www, signer, {
    base: '',
    path: 'focal',
    release: ['Suite: focal', 'Codename: focal', 'Version: 20.04'],
    packages: {
      amd64: [unsigned('5.4.0-26-generic', '5.4.0-26.30')],
      arm64: [unsigned('5.4.0-26-generic', '5.4.0-26.30', 'arm64')],
      'universe/amd64': [plain('5.4.0-1009-kvm', '5.4.0-1009.9')],
    },
  });
  await putSuite(www, signer, {
    base: '',
    path: 'focal-updates',
    release: ['Suite: focal-updates', 'Codename: focal', 'Version: 20.04'],
    packages: { amd64: [unsigned('5.4.0-92-generic', '5.4.0-92.103')], arm64: [] },
  });
  const server = await startFileServer(www);
  return {
    request: { mirror: server.url, keyrings: [signer.keyring] },
    server,
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
    async close() {
      await server.close();
      await signer.close();
    },
  };
}

function unsigned(kernel: string, version: string, arch = 'amd64'): string {
  return packageStanza(`linux-image-unsigned-${kernel}-dbgsym`, version, { Architecture: arch });
}

function plain(kernel: string, version: string, arch = 'amd64'): string {
  return packageStanza(`linux-image-${kernel}-dbgsym`, version, { Architecture: arch });
}
