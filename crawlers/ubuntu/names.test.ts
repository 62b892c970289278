import { expect, test } from 'vitest';
import { isSigningSource, packageNamesOf, parsePackageName } from './names.ts';

/** `uname -r` of real kernels: every flavour that was seen, the older boards and the odd spellings among them. */
test.each([
  '3.13.0-170-generic',
  '3.13.0-24-generic-lpae',
  '3.13.0-24-powerpc-e500mc',
  '3.13.0-24-powerpc64-smp',
  '4.2.0-1016-raspi2',
  '4.4.0-98-generic',
  '4.4.0-1012-snapdragon',
  '4.10.0-1004-gcp',
  '4.15.0-202-generic',
  '4.15.0-1159-azure',
  '4.15.0-1030-gke',
  '5.0.0-1010-oem-osp1',
  '5.4.0-90-lowlatency',
  '5.4.0-1021-bluefield',
  '5.4.0-1068-gke',
  '5.4.0-1094-aws',
  '5.4.0-1009-kvm',
  '5.4.0-1050-gkeop',
  '5.4.0-1071-oracle',
  '5.4.0-1021-aws-fips',
  '5.4.0-1026-azure-fips',
  '5.4.0-1026-fips',
  '5.15.0-1003-intel-iotg',
  '5.15.0-1019-azure-fde',
  '5.15.0-1034-ibm',
  '5.15.0-1046-xilinx-zynqmp',
  '5.15.0-1040-nvidia',
  '5.15.0-1040-nvidia-lowlatency',
  '6.5.0-9-generic-64k',
  '6.8.0-1005-nvidia-64k',
  '6.8.0-2004-raspi-realtime',
  '6.17.0-38-generic',
  '7.0.0-1001-oem-next',
])('%s by either name of its package', (kernel) => {
  expect(packageNamesOf(kernel).map(parsePackageName)).toEqual([
    { kernel, isUnsigned: true },
    { kernel, isUnsigned: false },
  ]);
});

test.each([
  'linux-image-generic-dbgsym',
  'linux-image-generic-hwe-20.04-dbgsym',
  'linux-image-unsigned-generic-hwe-18.04-edge-dbgsym',
  'linux-image-virtual-hwe-16.04-edge-dbgsym',
  'linux-image-aws-lts-20.04-dbgsym',
  'linux-image-generic-6.8-dbgsym',
  'linux-image-oem-22.04c-dbgsym',
  'linux-image-6.8-generic-dbgsym',
  'linux-image-5.4.0-92-dbgsym',
  'linux-image-5.4.0-92-generic',
  'linux-image-unsigned-5.4.0-92-generic',
  'linux-image-5.4.0-92-generic-dbg',
  'linux-image-extra-4.4.0-98-generic-dbgsym',
  'linux-image-extra-virtual-dbgsym',
  'linux-image-debug-2.6.32-21-generic',
  'linux-image-uc-5.15.0-92-generic-dbgsym',
  'linux-signed-image-4.4.0-98-generic-dbgsym',
  'linux-modules-5.4.0-92-generic-dbgsym',
  'linux-modules-extra-5.4.0-92-generic-dbgsym',
  'linux-modules-nvidia-470-5.4.0-92-generic-dbgsym',
  'linux-tools-5.4.0-92-generic-dbgsym',
  'linux-cloud-tools-5.4.0-92-generic-dbgsym',
  'linux-headers-5.4.0-92-generic-dbgsym',
  'linux-buildinfo-5.4.0-92-generic-dbgsym',
  'xlinux-image-5.4.0-92-generic-dbgsym',
  'linux-image-5.4.0-92-../../x-dbgsym',
  'linux-image-unsigned-unsigned-5.4.0-92-generic-dbgsym',
  '',
])('%s is no debug package of a kernel', (name) => {
  expect(parsePackageName(name)).toBeUndefined();
});

test.each([
  ['linux-signed', true],
  ['linux-signed-hwe-5.11', true],
  ['linux-restricted-signed-aws', true],
  ['linux', false],
  ['linux-hwe-5.4', false],
  ['linux-signedness', false],
])('source %s only signs: %s', (source, expected) => {
  expect(isSigningSource(source)).toBe(expected);
});
