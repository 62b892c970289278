import { describe, expect, test } from 'vitest';
import { isKernelDebuginfo, kernelOf } from './names.ts';

describe('kernels of packages', () => {
  test.each([
    // CentOS 7
    ['kernel-debuginfo', '3.10.0-1160.119.1.el7', 'x86_64', '3.10.0-1160.119.1.el7.x86_64'],
    ['kernel-debug-debuginfo', '3.10.0-1160.el7', 'x86_64', '3.10.0-1160.el7.x86_64.debug'],
    ['kernel-plus-debuginfo', '3.10.0-1127.el7.centos.plus', 'x86_64', '3.10.0-1127.el7.centos.plus.x86_64'],
    [
      'kernel-rt-debuginfo',
      '3.10.0-1160.11.1.rt56.1145.el7',
      'x86_64',
      '3.10.0-1160.11.1.rt56.1145.el7.x86_64',
    ],
    [
      'kernel-rt-debug-debuginfo',
      '3.10.0-1160.rt56.1131.el7',
      'x86_64',
      '3.10.0-1160.rt56.1131.el7.x86_64.debug',
    ],
    [
      'kernel-rt-trace-debuginfo',
      '3.10.0-327.36.3.rt56.238.el7',
      'x86_64',
      '3.10.0-327.36.3.rt56.238.el7.x86_64.trace',
    ],
    ['kernel-debuginfo', '4.14.0-115.10.1.el7a', 'aarch64', '4.14.0-115.10.1.el7a.aarch64'],
    ['kernel-debug-debuginfo', '4.14.0-115.el7a', 'aarch64', '4.14.0-115.el7a.aarch64.debug'],
    ['kernel-debuginfo', '5.4.28-200.el7', 'aarch64', '5.4.28-200.el7.aarch64'],
    ['kernel-debug-debuginfo', '5.4.28-200.el7', 'aarch64', '5.4.28-200.el7.aarch64+debug'],
    // CentOS 8
    ['kernel-debuginfo', '4.18.0-147.8.1.el8_1', 'x86_64', '4.18.0-147.8.1.el8_1.x86_64'],
    ['kernel-debug-debuginfo', '4.18.0-147.el8', 'aarch64', '4.18.0-147.el8.aarch64+debug'],
    ['kernel-plus-debuginfo', '4.18.0-193.el8.centos.plus', 'x86_64', '4.18.0-193.el8.centos.plus.x86_64'],
    ['kernel-rt-debuginfo', '4.18.0-305.rt7.72.el8', 'x86_64', '4.18.0-305.rt7.72.el8.x86_64'],
    ['kernel-rt-debug-debuginfo', '4.18.0-305.rt7.72.el8', 'x86_64', '4.18.0-305.rt7.72.el8.x86_64+debug'],
    // Stream 9 and 10
    ['kernel-debuginfo', '5.14.0-620.el9', 'ppc64le', '5.14.0-620.el9.ppc64le'],
    ['kernel-rt-debuginfo', '5.14.0-70.13.1.rt21.83.el9_0', 'x86_64', '5.14.0-70.13.1.rt21.83.el9_0.x86_64'],
    ['kernel-rt-debuginfo', '5.14.0-484.el9', 'x86_64', '5.14.0-484.el9.x86_64+rt'],
    ['kernel-rt-debug-debuginfo', '5.14.0-484.el9', 'x86_64', '5.14.0-484.el9.x86_64+rt-debug'],
    ['kernel-64k-debuginfo', '5.14.0-620.el9', 'aarch64', '5.14.0-620.el9.aarch64+64k'],
    ['kernel-64k-debug-debuginfo', '5.14.0-620.el9', 'aarch64', '5.14.0-620.el9.aarch64+64k-debug'],
    ['kernel-rt-64k-debuginfo', '6.12.0-55.el10', 'aarch64', '6.12.0-55.el10.aarch64+rt-64k'],
    ['kernel-rt-64k-debug-debuginfo', '6.12.0-55.el10', 'aarch64', '6.12.0-55.el10.aarch64+rt-64k-debug'],
  ])('%s %s %s → %s', (name, evr, arch, kernel) => {
    const dash = evr.indexOf('-');
    const found = kernelOf({ name, version: evr.slice(0, dash), release: evr.slice(dash + 1), arch });
    expect(found).toEqual({ kernel, isDebug: name.includes('-debug-') });
    expect(isKernelDebuginfo(name)).toBe(true);
  });
});

test.each([
  'kernel-debuginfo-common-x86_64',
  'kernel-rt-debuginfo-common-x86_64',
  'kernel-debuginfo-common',
  'kernel-debuginfo-extra',
  'kernel-tools-debuginfo',
  'kernel-plus-tools-debuginfo',
  'kernel-debug',
  'kernel-debug-core',
  'kernel',
  'kernel-rt-kvm-debuginfo',
  'kernel-rt-trace-kvm-debuginfo',
  'kernel-zfcpdump-debuginfo',
  'my-kernel-debuginfo',
  'kernel-64k-plus-debuginfo',
  'perf-debuginfo',
])('%s is no kernel’s debug package', (name) => {
  expect(isKernelDebuginfo(name)).toBe(false);
  expect(kernelOf({ name, version: '1', release: '1', arch: 'x86_64' })).toBeUndefined();
});
