import { describe, expect, test } from 'vitest';
import { parseArch, requestedArchs } from './arch.ts';

describe('names of architectures', () => {
  test.each([
    ['x86_64', 'amd64', 'x86_64', 'x86_64'],
    ['amd64', 'amd64', 'x86_64', 'x86_64'],
    ['aarch64', 'arm64', 'aarch64', 'arm64'],
    ['arm64', 'arm64', 'aarch64', 'arm64'],
    ['ppc64le', 'ppc64el', 'ppc64le', 'ppc64le'],
    ['ppc64', 'ppc64', 'ppc64', 'ppc64'],
    ['armhf', 'armhf', 'armv7hl', 'armv7l'],
    ['armv7l', 'armhf', 'armv7hl', 'armv7l'],
    ['armv7hl', 'armhf', 'armv7hl', 'armv7l'],
    ['i386', 'i386', 'i686', 'i686'],
    ['i686', 'i386', 'i686', 'i686'],
    ['mips64el', 'mips64el', 'mips64el', 'mips64el'],
    ['loongarch64', 'loong64', 'loongarch64', 'loongarch64'],
  ])('%s → %s in a .deb, %s in an .rpm, filed under %s', (name, deb, rpm, archive) => {
    expect(parseArch(name)).toMatchObject({ deb, rpm, archive });
  });

  test('an unknown one → usage, naming the known', () => {
    expect(() => parseArch('vax')).toThrowError(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('ppc64le (ppc64el)') }),
    );
  });
});

describe('architectures of a request', () => {
  const crawler = { distro: 'x', archs: ['x86_64', 'arm64', 's390x'], defaultArchs: ['x86_64', 'arm64'] };
  const names = (requested: readonly string[]) =>
    requestedArchs(requested, crawler).map(({ archive }) => archive);

  test('are the default when there are none', () => {
    expect(names([])).toEqual(['x86_64', 'arm64']);
  });

  test('come once, whatever they are called', () => {
    expect(names(['aarch64', 's390x', 'arm64'])).toEqual(['arm64', 's390x']);
  });

  test('that the distribution has never had → usage, naming those that it has', () => {
    expect(() => names(['x86_64', 'mips'])).toThrowError(
      expect.objectContaining({
        code: 'usage',
        message: 'x has no architecture mips; it has x86_64 (amd64), arm64 (aarch64), s390x',
      }),
    );
  });
});
