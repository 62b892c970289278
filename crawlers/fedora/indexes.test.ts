/** Where each repository is looked for, as a table: distros.md's layouts, and what is before and after them. */

import { describe, expect, test } from 'vitest';
import { parseArch } from '../arch.ts';
import { isBuiltFor, repositoriesOf } from './indexes.ts';
import { type FedoraRelease, namedRelease, nextRelease } from './releases.ts';
import { FEDORA_SOURCES, resolveSources } from './sources.ts';

const LIVE = 'https://dl.fedoraproject.org/pub/fedora/linux';
const ARCHIVE = 'https://archives.fedoraproject.org/pub/archive/fedora/linux';
const LIVE_SECONDARY = 'https://dl.fedoraproject.org/pub/fedora-secondary';
const ARCHIVE_SECONDARY = 'https://archives.fedoraproject.org/pub/archive/fedora-secondary';
const METALINK = 'https://mirrors.fedoraproject.org/metalink';

function anchors(release: FedoraRelease, arch: string, sources = FEDORA_SOURCES): Record<string, string[]> {
  const places = repositoriesOf(release, parseArch(arch), sources);
  return Object.fromEntries(places.map((place) => [place.name, place.anchors.map(({ url }) => url)]));
}

describe('current releases', () => {
  const release: FedoraRelease = { ...namedRelease('43'), stage: 'current' };

  test.each(['x86_64', 'aarch64'])('%s: MirrorManager first, then the host, then the archive', (arch) => {
    expect(anchors(release, arch)).toEqual({
      'fedora-debug-43': [
        `${METALINK}?repo=fedora-debug-43&arch=${arch}`,
        `${LIVE}/releases/43/Everything/${arch}/debug/tree/`,
        `${ARCHIVE}/releases/43/Everything/${arch}/debug/tree/`,
      ],
      'updates-released-debug-f43': [
        `${METALINK}?repo=updates-released-debug-f43&arch=${arch}`,
        `${LIVE}/updates/43/Everything/${arch}/debug/`,
        `${ARCHIVE}/updates/43/Everything/${arch}/debug/`,
      ],
      'updates-testing-debug-f43': [
        `${METALINK}?repo=updates-testing-debug-f43&arch=${arch}`,
        `${LIVE}/updates/testing/43/Everything/${arch}/debug/`,
        `${ARCHIVE}/updates/testing/43/Everything/${arch}/debug/`,
      ],
    });
  });
});

describe('archived releases: the archive first', () => {
  const tables = [
    ['42', 'releases/42/Everything/x86_64/debug/tree/', 'updates/42/Everything/x86_64/debug/'],
    ['28', 'releases/28/Everything/x86_64/debug/tree/', 'updates/28/Everything/x86_64/debug/'],
    ['27', 'releases/27/Everything/x86_64/debug/tree/', 'updates/27/x86_64/debug/'],
    ['25', 'releases/25/Everything/x86_64/debug/tree/', 'updates/25/x86_64/debug/'],
    ['24', 'releases/24/Everything/x86_64/debug/tree/', 'updates/24/x86_64/debug/'],
    ['23', 'releases/23/Everything/x86_64/debug/', 'updates/23/x86_64/debug/'],
    ['20', 'releases/20/Everything/x86_64/debug/', 'updates/20/x86_64/debug/'],
  ];
  test.each(tables)('%s: %s and %s', (name, releasePath, updatesPath) => {
    const found = anchors(namedRelease(name), 'x86_64');
    const listed = (repo: string) => `${METALINK}?repo=${repo}&arch=x86_64`;
    expect(found).toEqual({
      [`fedora-debug-${name}`]: [
        `${ARCHIVE}/${releasePath}`,
        listed(`fedora-debug-${name}`),
        `${LIVE}/${releasePath}`,
      ],
      [`updates-released-debug-f${name}`]: [
        `${ARCHIVE}/${updatesPath}`,
        listed(`updates-released-debug-f${name}`),
        `${LIVE}/${updatesPath}`,
      ],
      [`updates-testing-debug-f${name}`]: [
        `${ARCHIVE}/${updatesPath.replace('updates/', 'updates/testing/')}`,
        listed(`updates-testing-debug-f${name}`),
        `${LIVE}/${updatesPath.replace('updates/', 'updates/testing/')}`,
      ],
    });
  });

  test('8 and 9 have the updates of their second key beside those of the first', () => {
    for (const name of ['8', '9']) {
      const found = anchors(namedRelease(name), 'x86_64');
      expect(found[`updates-released-debug-f${name}.newkey`]).toEqual([
        `${ARCHIVE}/updates/${name}/x86_64.newkey/debug/`,
        `${LIVE}/updates/${name}/x86_64.newkey/debug/`,
      ]);
    }
    expect(Object.keys(anchors(namedRelease('10'), 'x86_64'))).toHaveLength(3);
  });
});

describe('what is not out yet', () => {
  test('rawhide', () => {
    expect(anchors(namedRelease('rawhide'), 'arm64')).toEqual({
      'rawhide-debug': [
        `${METALINK}?repo=rawhide-debug&arch=aarch64`,
        `${LIVE}/development/rawhide/Everything/aarch64/debug/tree/`,
      ],
    });
  });

  test('a branched release lies below development/ until it is out', () => {
    expect(anchors(nextRelease(46), 'x86_64')['fedora-debug-46']).toEqual([
      `${METALINK}?repo=fedora-debug-46&arch=x86_64`,
      `${LIVE}/development/46/Everything/x86_64/debug/tree/`,
      `${LIVE}/releases/46/Everything/x86_64/debug/tree/`,
    ]);
  });
});

describe('other architectures', () => {
  test.each([
    ['arm64', '27', [`${ARCHIVE_SECONDARY}/releases/27/Everything/aarch64/debug/tree/`]],
    ['arm64', '28', [`${ARCHIVE}/releases/28/Everything/aarch64/debug/tree/`]],
    [
      's390x',
      '40',
      [
        `${ARCHIVE_SECONDARY}/releases/40/Everything/s390x/debug/tree/`,
        `${ARCHIVE}/releases/40/Everything/s390x/debug/tree/`,
      ],
    ],
    [
      'i686',
      '30',
      [
        `${ARCHIVE}/releases/30/Everything/i386/debug/tree/`,
        `${ARCHIVE_SECONDARY}/releases/30/Everything/i386/debug/tree/`,
      ],
    ],
    [
      'armhf',
      '36',
      [
        `${ARCHIVE}/releases/36/Everything/armhfp/debug/tree/`,
        `${ARCHIVE_SECONDARY}/releases/36/Everything/armhfp/debug/tree/`,
      ],
    ],
  ])('%s of %s', (arch, name, expected) => {
    const [first] = repositoriesOf(namedRelease(name), parseArch(arch), FEDORA_SOURCES);
    expect(first.anchors.slice(0, expected.length).map(({ url }) => url)).toEqual(expected);
    expect(first.anchors.at(-1)?.url).toMatch(/^https:\/\/dl\.fedoraproject\.org\//);
  });

  test('the live secondary tree comes into it', () => {
    const release: FedoraRelease = { ...namedRelease('43'), stage: 'current' };
    expect(anchors(release, 'ppc64le')['fedora-debug-43']).toContain(
      `${LIVE_SECONDARY}/releases/43/Everything/ppc64le/debug/tree/`,
    );
  });

  test('arm64 was secondary up to 27', () => {
    const arm = parseArch('arm64');
    expect(isBuiltFor(namedRelease('27'), arm)).toBe(false);
    expect(isBuiltFor(namedRelease('28'), arm)).toBe(true);
    expect(isBuiltFor(namedRelease('rawhide'), arm)).toBe(true);
    expect(isBuiltFor(namedRelease('20'), parseArch('x86_64'))).toBe(true);
  });
});

describe('what has to be there', () => {
  const required = (release: FedoraRelease, arch: string, sources = FEDORA_SOURCES) =>
    repositoriesOf(release, parseArch(arch), sources)
      .filter(({ isRequired }) => isRequired)
      .map(({ name }) => name);

  test.each([
    ['43', 'x86_64', ['fedora-debug-43', 'updates-released-debug-f43']],
    ['31', 'arm64', ['fedora-debug-31', 'updates-released-debug-f31']],
    ['27', 'arm64', []],
    ['31', 's390x', []],
    ['rawhide', 'x86_64', ['rawhide-debug']],
    ['60', 'x86_64', []],
  ])('of %s on %s: %j', (name, arch, names) => {
    expect(required(namedRelease(name), arch)).toEqual(names);
  });

  test('a Beta has no updates yet; a mirror need not have anything', () => {
    const beta: FedoraRelease = { ...namedRelease('60'), isKnown: true };
    expect(required(beta, 'x86_64')).toEqual(['fedora-debug-60']);
    const sources = resolveSources('https://m.example/fedora/linux/');
    expect(repositoriesOf(namedRelease('43'), parseArch('x86_64'), sources)).toMatchObject([
      {
        isRequired: false,
        anchors: [
          { kind: 'base', url: 'https://m.example/fedora/linux/releases/43/Everything/x86_64/debug/tree/' },
        ],
      },
      {
        isRequired: false,
        anchors: [
          { kind: 'base', url: 'https://m.example/fedora/linux/updates/43/Everything/x86_64/debug/' },
        ],
      },
      {
        isRequired: false,
        anchors: [
          { kind: 'base', url: 'https://m.example/fedora/linux/updates/testing/43/Everything/x86_64/debug/' },
        ],
      },
    ]);
  });
});
