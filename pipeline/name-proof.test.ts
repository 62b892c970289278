import { expect, it } from 'vitest';
import { proveName } from './name-proof.ts';

const PKG = { kernel: '4.18.0-553.el8.x86_64+debug', url: 'http://m.test/a.rpm' };
const IN_PLACE = {
  kernel: PKG.kernel,
  memberPath: 'usr/lib/debug/lib/modules/4.18.0-553.el8.x86_64+debug/vmlinux',
};

it('takes what path and banner agree on, and says which of them there were', () => {
  expect(proveName(PKG, IN_PLACE, PKG.kernel)).toBe('path+banner');
  expect(proveName(PKG, IN_PLACE, undefined)).toBe('path');
});

it.each([
  ['another banner', IN_PLACE, '4.18.0-553.el8.x86_64'],
  ['a longer banner', IN_PLACE, `${PKG.kernel}2`],
  ['another path', { kernel: '4.18.0-80.el8.x86_64', memberPath: 'usr/lib/x' }, PKG.kernel],
  ['another path and no banner', { kernel: '4.18.0-80.el8.x86_64', memberPath: 'usr/lib/x' }, undefined],
])('%s → kernel-name, naming both', (_what, vmlinux, banner) => {
  const other = vmlinux === IN_PLACE ? String(banner) : vmlinux.memberPath;
  expect(() => proveName(PKG, vmlinux, banner)).toThrowError(
    expect.objectContaining({ code: 'kernel-name', message: expect.stringContaining(other) }),
  );
  expect(() => proveName(PKG, vmlinux, banner)).toThrow(`not ${PKG.kernel}`);
});
