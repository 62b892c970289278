import { describe, expect, test } from 'vitest';
import { parseArch } from '../arch.ts';
import { archFolder, ARCHS, isKernelPackage, kernelArchs, kernelOf, releaseOfBuild } from './names.ts';

describe('architectures', () => {
  test.each([
    ['x86_64', 'x86_64', ['x86_64']],
    ['arm64', 'aarch64', ['aarch64']],
    ['ppc64le', 'ppc64le', ['ppc64le']],
    ['ppc64', 'ppc64', ['ppc64']],
    ['s390x', 's390x', ['s390x']],
    ['i686', 'i386', ['i686', 'i586']],
    ['armv7l', 'armhfp', ['armv7hl']],
  ])('%s lies in %s, with packages of %j', (name, folder, packages) => {
    const arch = parseArch(name);
    expect(ARCHS).toContain(arch.archive);
    expect([archFolder(arch), kernelArchs(arch)]).toEqual([folder, packages]);
  });
});

describe('packages', () => {
  test('debug kernels only on request, others by themselves', () => {
    const names = [
      'kernel-debuginfo',
      'kernel-debug-debuginfo',
      'kernel-16k-debuginfo',
      'kernel-64k-debug-debuginfo',
      'kernel-PAE-debuginfo',
      'kernel-debuginfo-common-x86_64',
      'kernel-headers-debuginfo',
      'kernel-tools-debuginfo',
      'perf-debuginfo',
    ];
    const ordinary = ['kernel-debuginfo', 'kernel-16k-debuginfo', 'kernel-PAE-debuginfo'];
    expect(names.filter((name) => isKernelPackage(name, []))).toEqual(ordinary);
    expect(names.filter((name) => isKernelPackage(name, ['rt']))).toEqual(ordinary);
    expect(names.filter((name) => isKernelPackage(name, ['debug']))).toEqual([
      'kernel-debuginfo',
      'kernel-debug-debuginfo',
      'kernel-16k-debuginfo',
      'kernel-64k-debug-debuginfo',
      'kernel-PAE-debuginfo',
    ]);
  });

  // Names that machines have printed.
  test.each([
    [8, 'kernel-debuginfo', '2.6.23.1', '42.fc8', 'i686', '2.6.23.1-42.fc8'],
    [9, 'kernel-debuginfo', '2.6.25', '14.fc9', 'i686', '2.6.25-14.fc9.i686'],
    [18, 'kernel-debug-debuginfo', '3.9.4', '200.fc18', 'x86_64', '3.9.4-200.fc18.x86_64.debug'],
    [19, 'kernel-PAE-debuginfo', '3.14.17', '100.fc19', 'i686', '3.14.17-100.fc19.i686.PAE'],
    [20, 'kernel-PAE-debuginfo', '3.11.10', '301.fc20', 'i686', '3.11.10-301.fc20.i686+PAE'],
    [22, 'kernel-debug-debuginfo', '4.0.4', '301.fc22', 'x86_64', '4.0.4-301.fc22.x86_64+debug'],
    [31, 'kernel-debuginfo', '5.3.7', '301.fc31', 'x86_64', '5.3.7-301.fc31.x86_64'],
    [43, 'kernel-64k-debuginfo', '6.17.1', '300.fc43', 'aarch64', '6.17.1-300.fc43.aarch64+64k'],
    [
      undefined,
      'kernel-debug-debuginfo',
      '6.17.0',
      '0.rc3.250826gfab1beda7597.32.fc44',
      'x86_64',
      '6.17.0-0.rc3.250826gfab1beda7597.32.fc44.x86_64+debug',
    ],
    [43, 'kernel-debuginfo-common-x86_64', '6.17.1', '300.fc43', 'x86_64', undefined],
  ])('release %s, %s %s-%s.%s → %s', (number, name, version, release, arch, kernel) => {
    expect(kernelOf({ name, version, release, arch }, number)).toBe(kernel);
  });

  test.each([
    ['300.fc43', 43],
    ['0.rc6.48.fc44', 44],
    ['300.fc43.1', 43],
    ['300.eln126', undefined],
    ['300.fc43x', undefined],
    ['300', undefined],
    ['1.fc4321', undefined],
  ])('%s is built for %s', (release, number) => {
    expect(releaseOfBuild(release)).toBe(number);
  });
});
