import { describe, expect, test } from 'vitest';
import { parseArch } from '../arch.ts';
import { coreRepositories, extrasRepository } from './indexes.ts';
import { namedRelease } from './releases.ts';
import { DEFAULT_BASES, resolveBases } from './sources.ts';

const ARM64 = parseArch('arm64');
const X86_64 = parseArch('x86_64');

function urls(release: string, arch = X86_64, bases = DEFAULT_BASES): string[] {
  return coreRepositories(namedRelease(release), arch, bases, false).flatMap(({ name, anchors }) =>
    anchors.map(({ kind, url }) => `${name} ${kind} ${url}`),
  );
}

describe('repositories', () => {
  test('of 2023 and its states', () => {
    expect(urls('2023', ARM64)).toEqual([
      'al2023-debuginfo mirror-list https://cdn.amazonlinux.com/al2023/core/mirrors/latest/debuginfo/aarch64/mirror.list',
      'al2023-debuginfo mirror-list https://al2023-repos-us-west-2-de612dc2.s3.dualstack.us-west-2.amazonaws.com/core/mirrors/latest/debuginfo/aarch64/mirror.list',
    ]);
    expect(urls('2023.6.20241031')[0]).toBe(
      'al2023-debuginfo mirror-list https://cdn.amazonlinux.com/al2023/core/mirrors/2023.6.20241031/debuginfo/x86_64/mirror.list',
    );
    expect(urls('2027')).toEqual([
      'al2027-debuginfo mirror-list https://cdn.amazonlinux.com/al2027/core/mirrors/latest/debuginfo/x86_64/mirror.list',
    ]);
  });

  test('of 2, and of its extras', () => {
    expect(urls('2')).toEqual([
      'amzn2-core-debuginfo mirror-list https://cdn.amazonlinux.com/2/core/latest/debuginfo/x86_64/mirror.list',
      'amzn2-core-debuginfo mirror-list https://amazonlinux-2-repos-us-east-2.s3.dualstack.us-east-2.amazonaws.com/2/core/latest/debuginfo/x86_64/mirror.list',
    ]);
    expect(extrasRepository('kernel-5.10', ARM64, DEFAULT_BASES)).toEqual({
      name: 'amzn2extra-kernel-5.10-debuginfo',
      anchors: [
        'https://cdn.amazonlinux.com/2/extras/kernel-5.10/latest/debuginfo/aarch64/mirror.list',
        'https://amazonlinux-2-repos-us-east-2.s3.dualstack.us-east-2.amazonaws.com/2/extras/kernel-5.10/latest/debuginfo/aarch64/mirror.list',
      ].map((url) => ({ kind: 'mirror-list', url })),
      isRequired: false,
    });
  });

  test('of the first: with and without the architecture in the address, in two regions', () => {
    const found = coreRepositories(namedRelease('1'), X86_64, DEFAULT_BASES, false);
    expect(found.map(({ name }) => name)).toEqual(['amzn-main-debuginfo', 'amzn-updates-debuginfo']);
    expect(found[1].anchors).toEqual(
      [
        'http://repo.us-east-1.amazonaws.com/2018.03/updates/debuginfo/mirror.list',
        'http://repo.us-east-1.amazonaws.com/2018.03/updates/debuginfo/x86_64/mirror.list',
        'http://repo.us-west-2.amazonaws.com/2018.03/updates/debuginfo/mirror.list',
        'http://repo.us-west-2.amazonaws.com/2018.03/updates/debuginfo/x86_64/mirror.list',
      ].map((url) => ({ kind: 'mirror-list', url, basearch: 'x86_64' })),
    );
  });

  test('on a mirror, laid out as the original', () => {
    const bases = resolveBases('http://m.example:8080/amazon/');
    expect([...urls('2023', X86_64, bases), ...urls('2', X86_64, bases)]).toEqual([
      'al2023-debuginfo mirror-list http://m.example:8080/amazon/al2023/core/mirrors/latest/debuginfo/x86_64/mirror.list',
      'amzn2-core-debuginfo mirror-list http://m.example:8080/amazon/2/core/latest/debuginfo/x86_64/mirror.list',
    ]);
    expect(bases.hosts).toContain('m.example:8080');
  });

  test.each([
    ['2', DEFAULT_BASES, false, true],
    ['2', resolveBases('http://m.example'), false, false],
    ['2', resolveBases('http://m.example'), true, true],
  ])('%s is required where it must be there', (release, bases, isNamed, isRequired) => {
    const found = coreRepositories(namedRelease(release), X86_64, bases, isNamed);
    expect(found.map((repository) => repository.isRequired)).toEqual([isRequired]);
  });
});
