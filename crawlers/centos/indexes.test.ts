import { describe, expect, test } from 'vitest';
import { parseArch } from '../arch.ts';
import { repositoriesOf, streamProbeUrl } from './indexes.ts';
import { namedTrees } from './releases.ts';
import { resolveBases } from './sources.ts';

const ARM64 = parseArch('arm64');
const X86_64 = parseArch('x86_64');

describe('flat trees', () => {
  test('debuginfo.centos.org, then its mirrors; https before http', () => {
    const [seven] = namedTrees('7');
    const repositories = repositoriesOf(seven, ARM64, resolveBases(undefined), false);
    expect(repositories).toEqual([
      {
        name: '7-debuginfo',
        anchors: [
          'https://debuginfo.centos.org/7/aarch64/',
          'http://debuginfo.centos.org/7/aarch64/',
          'https://linuxsoft.cern.ch/centos-debuginfo/7/aarch64/',
          'http://linuxsoft.cern.ch/centos-debuginfo/7/aarch64/',
          'https://mirror.facebook.net/centos-debuginfo/7/aarch64/',
          'http://mirror.facebook.net/centos-debuginfo/7/aarch64/',
        ].map((url) => ({ kind: 'base', url })),
        isRequired: true,
      },
    ]);
  });

  test('Stream 8 is a tree of its own beside 8', () => {
    const urls = namedTrees('8').flatMap((tree) =>
      repositoriesOf(tree, X86_64, resolveBases('http://m.example/d/'), false).flatMap(({ name, anchors }) =>
        anchors.map(({ url }) => `${name} ${url}`),
      ),
    );
    expect(urls).toEqual([
      '8-debuginfo http://m.example/d/8/x86_64/',
      '8-stream-debuginfo http://m.example/d/8-stream/x86_64/',
    ]);
  });
});

describe('Streams', () => {
  const [ten] = namedTrees('10');

  test('metalink, mirror, vault', () => {
    const [baseos] = repositoriesOf(ten, X86_64, resolveBases(undefined), false);
    expect(baseos).toEqual({
      name: '10-stream-baseos-debug',
      anchors: [
        {
          kind: 'metalink',
          url: 'https://mirrors.centos.org/metalink?repo=centos-baseos-debug-10-stream&arch=x86_64&protocol=https,http',
        },
        { kind: 'base', url: 'https://mirror.stream.centos.org/10-stream/BaseOS/x86_64/debug/tree/' },
        { kind: 'base', url: 'https://vault.centos.org/10-stream/BaseOS/x86_64/debug/tree/' },
      ],
      isRequired: true,
    });
  });

  test('real-time repositories are for x86_64', () => {
    const names = (arch: typeof ARM64) =>
      repositoriesOf(ten, arch, resolveBases(undefined), false).map(({ name }) => name);
    expect(names(X86_64)).toEqual(
      ['baseos', 'appstream', 'crb', 'rt', 'nfv'].map((n) => `10-stream-${n}-debug`),
    );
    expect(names(ARM64)).toEqual(['baseos', 'appstream', 'crb'].map((n) => `10-stream-${n}-debug`));
  });

  test('a mirror stands for everything, and need not have what was not asked for', () => {
    const bases = resolveBases('https://m.example/centos-stream');
    const [rest] = repositoriesOf(ten, ARM64, bases, false);
    expect(rest.anchors).toEqual([
      { kind: 'base', url: 'https://m.example/centos-stream/10-stream/BaseOS/aarch64/debug/tree/' },
    ]);
    expect(rest.isRequired).toBe(false);
    expect(repositoriesOf(ten, ARM64, bases, true).map(({ isRequired }) => isRequired)).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('the question whether there is one', () => {
    expect(streamProbeUrl('https://mirror.stream.centos.org', 11, X86_64)).toBe(
      'https://mirror.stream.centos.org/11-stream/BaseOS/x86_64/debug/tree/repodata/repomd.xml',
    );
  });
});
