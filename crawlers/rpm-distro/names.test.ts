import { describe, expect, test } from 'vitest';
import { parseDebuginfoName, unameOf } from './names.ts';

describe('names of packages that hold a vmlinux', () => {
  test.each([
    ['kernel-debuginfo', 'kernel', '', false],
    ['kernel-debug-debuginfo', 'kernel', 'debug', true],
    ['kernel-16k-debuginfo', 'kernel', '16k', false],
    ['kernel-64k-debuginfo', 'kernel', '64k', false],
    ['kernel-64k-debug-debuginfo', 'kernel', '64k-debug', true],
    ['kernel-rt-debuginfo', 'kernel', 'rt', false],
    ['kernel-rt-64k-debug-debuginfo', 'kernel', 'rt-64k-debug', true],
    ['kernel-PAEdebug-debuginfo', 'kernel', 'PAEdebug', true],
  ])('%s → %s, kind %j', (name, base, kind, isDebug) => {
    expect(parseDebuginfoName(name, ['kernel'])).toEqual({ base, kind, isDebug });
  });

  test.each([
    'kernel',
    'kernel-debug',
    'kernel-core',
    'kernel-debuginfo-common-x86_64',
    'kernel-debuginfo-common',
    'kernel-debug-debuginfo-common-x86_64',
    'kernel-headers-debuginfo',
    'kernel-tools-debuginfo',
    'kernel-tools-libs-debuginfo',
    'kernel-selftests-internal-debuginfo',
    'kernel-debug-debug-debuginfo',
    'kernel-debug-64k-debuginfo',
    'kernel--debuginfo',
    'kernel-livepatch-6.1.10-15.42-debuginfo',
    'kernel-plus-debuginfo',
    'kernelx-debuginfo',
    'kernel6.12-debuginfo',
    'perf-debuginfo',
    'libperf-debuginfo',
    'python3-perf-debuginfo',
    'bpftool-debuginfo',
    '-debuginfo',
    '',
  ])('%j is none', (name) => {
    expect(parseDebuginfoName(name, ['kernel'])).toBeUndefined();
  });

  test('the longest base counts', () => {
    const bases = ['kernel', 'kernel-rt', 'kernel-plus', 'kernel6.12'];
    expect(parseDebuginfoName('kernel-rt-debug-debuginfo', bases)).toMatchObject({
      base: 'kernel-rt',
      kind: 'debug',
    });
    expect(parseDebuginfoName('kernel-plus-debuginfo', bases)).toMatchObject({
      base: 'kernel-plus',
      kind: '',
    });
    expect(parseDebuginfoName('kernel6.12-debuginfo', bases)).toMatchObject({ base: 'kernel6.12', kind: '' });
    expect(parseDebuginfoName('kernel6.12-tools-debuginfo', bases)).toBeUndefined();
  });
});

describe('uname -r', () => {
  const build = { version: '6.17.8', release: '300.fc43', arch: 'aarch64', epoch: 7 };

  test.each([
    ['', '+', '6.17.8-300.fc43.aarch64'],
    ['debug', '+', '6.17.8-300.fc43.aarch64+debug'],
    ['64k-debug', '+', '6.17.8-300.fc43.aarch64+64k-debug'],
    ['debug', '.', '6.17.8-300.fc43.aarch64.debug'],
  ] as const)('kind %j after %j → %s', (kind, separator, kernel) => {
    expect(unameOf(build, kind, separator)).toBe(kernel);
  });
});
