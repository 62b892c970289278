import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseStanza, type Stanza } from '../apt/index.ts';
import { kernelOfDebugPackage } from './packages.ts';

/** The linux-image-*-dbg stanzas of real Packages files, November 2026; metapackages among them. */
function fixture(name: string): Stanza[] {
  const text = readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
  return text
    .split('\n\n')
    .filter((block) => block.trim() !== '')
    .map((block) => parseStanza(block, name));
}

describe('kernels of real packages', () => {
  test.each([
    [
      'Packages.bookworm-amd64',
      ['6.1.0-47', '6.1.0-50'].flatMap((abi) => [`${abi}-amd64`, `${abi}-cloud-amd64`, `${abi}-rt-amd64`]),
    ],
    [
      'Packages.bullseye-amd64',
      ['5.10.0-30', '5.10.0-32'].flatMap((abi) => [`${abi}-amd64`, `${abi}-cloud-amd64`, `${abi}-rt-amd64`]),
    ],
    [
      'Packages.trixie-arm64',
      ['6.12.107+deb13', '6.12.94+deb13'].flatMap((abi) => [
        `${abi}-arm64`,
        `${abi}-arm64-16k`,
        `${abi}-cloud-arm64`,
        `${abi}-rt-arm64`,
      ]),
    ],
    // Here the whole ABI is two numbers, as in the name of a metapackage.
    ['Packages.experimental-amd64', ['7.3-amd64', '7.3-cloud-amd64', '7.3-rt-amd64']],
  ])('%s', (name, expected) => {
    const stanzas = fixture(name);
    expect(stanzas.length).toBeGreaterThan(expected.length);
    const kernels = stanzas.map(kernelOfDebugPackage).filter((kernel) => kernel !== undefined);
    expect(kernels.toSorted(byText)).toEqual(expected.toSorted(byText));
  });
});

describe('names', () => {
  test.each([
    ['linux-image-4.19.0-0.bpo.19-cloud-amd64-dbg', '4.19.0-0.bpo.19-cloud-amd64'],
    ['linux-image-6.1.0-0.deb11.48-rt-arm64-dbg', '6.1.0-0.deb11.48-rt-arm64'],
    ['linux-image-3.16.0-11-amd64-dbg', '3.16.0-11-amd64'],
    ['linux-image-6.1.0-50-5kc-malta-dbg', '6.1.0-50-5kc-malta'],
    ['linux-image-amd64-dbg', undefined],
    ['linux-image-5kc-malta-dbg', undefined],
    ['linux-image-6.1.0-50-amd64', undefined],
    ['linux-image-6.1.0-50-amd64-dbgsym', undefined],
    ['linux-headers-6.1.0-50-amd64-dbg', undefined],
    ['linux-image-6.1/../x-dbg', undefined],
  ])('%s → %s', (name, kernel) => {
    expect(kernelOfDebugPackage(parseStanza(`Package: ${name}\nArchitecture: amd64`, 'x'))).toBe(kernel);
  });

  test('a versioned metapackage is told by what it depends on', () => {
    const text = 'Package: linux-image-6.12-amd64-dbg\nDepends: linux-image-6.12.95+deb12-amd64-dbg (= 1)';
    expect(kernelOfDebugPackage(parseStanza(text, 'x'))).toBeUndefined();
  });

  test('the 64-bit kernel of i386 is amd64’s', () => {
    const text = 'Package: linux-image-3.16.0-11-amd64-dbg\nArchitecture: i386';
    expect(kernelOfDebugPackage(parseStanza(text, 'x'))).toBeUndefined();
  });
});

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
