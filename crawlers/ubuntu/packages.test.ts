import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { debugPackage } from '../../test/support/debug-package.ts';
import { parseStanza } from '../apt/index.ts';
import { kernelOfDebugPackage, preferUnsigned } from './packages.ts';

/** Stanzas of ddebs.ubuntu.com: a shim of linux-signed-hwe-5.11, then two packages of linux-hwe-5.4. */
const REAL = readFileSync(new URL('./fixtures/Packages.ddebs', import.meta.url), 'utf8');

function kernelOf(text: string): string | undefined {
  return kernelOfDebugPackage(parseStanza(text, 'x'));
}

test('real stanzas: the shim is none, the two others are kernels', () => {
  const blocks = REAL.split('\n\n').filter((block) => block.trim() !== '');
  expect(blocks.map((block) => [/^Package: (\S+)/.exec(block)?.[1], kernelOf(block)])).toEqual([
    ['linux-image-5.11.0-34-generic-dbgsym', undefined],
    ['linux-image-unsigned-5.4.0-92-generic-dbgsym', '5.4.0-92-generic'],
    ['linux-image-unsigned-5.4.0-90-lowlatency-dbgsym', '5.4.0-90-lowlatency'],
  ]);
});

describe('shims', () => {
  const name = 'Package: linux-image-5.11.0-34-generic-dbgsym';
  const kernel = '5.11.0-34-generic';
  test.each([
    ['depends on the unsigned one', `${name}\nDepends: linux-image-unsigned-${kernel}-dbgsym`, undefined],
    [
      'and on something else, with a version',
      `${name}\nDepends: libc6, linux-image-unsigned-${kernel}-dbgsym (= 5.11.0-34.36)\nInstalled-Size: 6000000`,
      undefined,
    ],
    [
      'from a source that only signs',
      `${name}\nSource: linux-signed-hwe-5.11\nInstalled-Size: 23`,
      undefined,
    ],
    ['which says no size', `${name}\nSource: linux-signed (5.11.0-34.36+1)`, undefined],
    ['the same of restricted modules', `${name}\nSource: linux-restricted-signed-aws`, undefined],
    [
      'of that source, but far too large to hold nothing',
      `${name}\nSource: linux-signed\nInstalled-Size: 6273842`,
      kernel,
    ],
    ['a flavour that nobody signs', `${name}\nSource: linux-raspi\nInstalled-Size: 5000000`, kernel],
    ['the source of the same name', name, kernel],
    ['depends on another kernel', `${name}\nDepends: linux-image-unsigned-5.11.0-33-generic-dbgsym`, kernel],
    [
      'an unsigned one, whatever it depends on',
      `Package: linux-image-unsigned-${kernel}-dbgsym\nSource: linux-signed`,
      kernel,
    ],
  ])('%s', (_name, text, expected) => {
    expect(kernelOf(text)).toBe(expected);
  });
});

test('an unsigned package wins, however old; other releases and architectures do not matter', () => {
  const of = (packageName: string, more = {}) =>
    debugPackage('5.4.0-1-generic', { packageName, packageVersion: '2', ...more });
  const plain = of('linux-image-5.4.0-1-generic-dbgsym');
  const unsigned = of('linux-image-unsigned-5.4.0-1-generic-dbgsym', { packageVersion: '1' });
  const elsewhere = [of(plain.packageName, { release: '18.04' }), of(plain.packageName, { arch: 'arm64' })];
  expect(preferUnsigned([plain, unsigned, ...elsewhere])).toEqual([unsigned, ...elsewhere]);
});
