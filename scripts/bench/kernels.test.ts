import { describe, expect, it } from 'vitest';
import { KERNEL_NAMES, newestMatch, wantedKernel } from './kernels.ts';

const KERNELS = [
  '6.1.0-9-cloud-amd64',
  '6.1.0-50-amd64',
  '6.1.0-50-cloud-amd64',
  '6.1.0-50-rt-amd64',
  '6.12.117+deb13-cloud-arm64',
  '6.12.117+deb13-s390x',
  '5.10.0-32-cloud-amd64',
  '7.2.13+deb14-cloud-amd64',
  '6.12.117+deb13-cloud-amd64',
];

function found(name: string): string | undefined {
  return newestMatch(wantedKernel(name), KERNELS, (kernel) => kernel);
}

describe('names of kernels', () => {
  it.each([
    ['5.10', '5.10.0-32-cloud-amd64'],
    ['6.1', '6.1.0-50-cloud-amd64'],
    ['6.1-full', '6.1.0-50-amd64'],
    ['6.12', '6.12.117+deb13-cloud-amd64'],
    ['6.12-arm64', '6.12.117+deb13-cloud-arm64'],
    ['6.12-s390x', '6.12.117+deb13-s390x'],
    ['7', '7.2.13+deb14-cloud-amd64'],
    ['6.1.0-9-*', undefined],
    ['6.1.0-9-cloud-*', '6.1.0-9-cloud-amd64'],
    ['*-rt-amd64', '6.1.0-50-rt-amd64'],
  ])('%s is %s', (name, kernel) => {
    expect(found(name)).toBe(kernel);
  });

  it('each means a kernel', () => {
    for (const name of KERNEL_NAMES) expect(found(name), name).toBeDefined();
  });
});
