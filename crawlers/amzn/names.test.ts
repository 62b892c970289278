import { expect, test } from 'vitest';
import { isKernelDebuginfo, kernelOf } from './names.ts';

test.each([
  ['kernel-debuginfo', '4.14.355', '196.647.amzn1', 'x86_64', '4.14.355-196.647.amzn1.x86_64'],
  ['kernel-debuginfo', '4.14.281', '212.502.amzn2', 'aarch64', '4.14.281-212.502.amzn2.aarch64'],
  ['kernel-debuginfo', '5.10.247', '246.989.amzn2', 'x86_64', '5.10.247-246.989.amzn2.x86_64'],
  ['kernel-debuginfo', '6.1.79', '99.167.amzn2023', 'x86_64', '6.1.79-99.167.amzn2023.x86_64'],
  ['kernel6.12-debuginfo', '6.12.35', '55.103.amzn2023', 'aarch64', '6.12.35-55.103.amzn2023.aarch64'],
  ['kernel6.18-debuginfo', '6.18.1', '1.1.amzn2023', 'x86_64', '6.18.1-1.1.amzn2023.x86_64'],
  // Not out yet: names are read by their structure.
  ['kernel7.10-debuginfo', '7.10.2', '3.4.amzn2027', 'x86_64', '7.10.2-3.4.amzn2027.x86_64'],
])('%s %s-%s.%s → %s', (name, version, release, arch, kernel) => {
  expect(kernelOf({ name, version, release, arch })).toEqual({ kernel, isDebug: false });
  expect(isKernelDebuginfo(name)).toBe(true);
});

test('kernels for debugging are told apart', () => {
  const build = { version: '6.1.79', release: '99.167.amzn2023', arch: 'x86_64' };
  expect(kernelOf({ ...build, name: 'kernel-debug-debuginfo' })).toEqual({
    kernel: '6.1.79-99.167.amzn2023.x86_64+debug',
    isDebug: true,
  });
});

test.each([
  'kernel-debuginfo-common-x86_64',
  'kernel6.12-debuginfo-common-aarch64',
  'kernel-tools-debuginfo',
  'kernel6.12-tools-debuginfo',
  'kernel-livepatch-6.12.22-27.96-debuginfo',
  'kernel6.12',
  'kernel6-debuginfo',
  'kernel6.12.1-debuginfo',
  'bpftool6.12-debuginfo',
  'kernel-debuginfo2',
])('%s is no kernel’s debug package', (name) => {
  expect(isKernelDebuginfo(name)).toBe(false);
  expect(kernelOf({ name, version: '1', release: '1', arch: 'x86_64' })).toBeUndefined();
});
