import { describe, expect, it } from 'vitest';
import { releaseOfVmlinux, safeMemberPath } from './vmlinux-path.ts';

describe('releaseOfVmlinux', () => {
  it.each([
    ['usr/lib/debug/boot/vmlinux-6.1.0-50-cloud-amd64', '6.1.0-50-cloud-amd64'],
    ['usr/lib/debug/lib/modules/7.2.6+deb13-amd64/vmlinux', '7.2.6+deb13-amd64'],
    ['usr/lib/debug/usr/lib/modules/7.2.6+deb13-amd64/vmlinux', '7.2.6+deb13-amd64'],
  ])('%s', (path, release) => {
    expect(releaseOfVmlinux(path, 'deb')).toBe(release);
  });

  it.each([
    'usr/lib/debug/vmlinux-6.1.0-50-cloud-amd64',
    'usr/lib/debug/boot/vmlinux-',
    'usr/lib/debug/boot/vmlinux-6.1/x',
    'usr/lib/debug/lib/modules/6.1/vmlinux.debug',
    'usr/lib/debug/lib/modules/6.1/kernel/vmlinux',
    'usr/lib/debug/lib/modules//vmlinux',
    'x/usr/lib/debug/boot/vmlinux-6.1',
    'boot/vmlinux-6.1',
  ])('%s is none', (path) => {
    expect(releaseOfVmlinux(path, 'deb')).toBeUndefined();
    expect(releaseOfVmlinux(path, 'rpm')).toBeUndefined();
  });

  it.each([
    ['usr/lib/debug/lib/modules/5.14.0-503.el9.x86_64/vmlinux', '5.14.0-503.el9.x86_64'],
    ['usr/lib/debug/usr/lib/modules/6.9.5-200.fc40.x86_64+debug/vmlinux', '6.9.5-200.fc40.x86_64+debug'],
    ['usr/lib/debug/boot/vmlinux-6.1.0-50-cloud-amd64', undefined],
    ['usr/lib/debug/lib/modules/6.1.10-15.42.amzn2023.x86_64.microvm/vmlinux.debug', undefined],
  ])('in an rpm: %s', (path, release) => {
    expect(releaseOfVmlinux(path, 'rpm')).toBe(release);
  });
});

describe('safeMemberPath', () => {
  it.each([
    ['./usr/lib/', 'usr/lib/'],
    ['./', ''],
    ['usr/..lib/a..b', 'usr/..lib/a..b'],
    ['././usr', 'usr'],
  ])('%s', (name, path) => {
    expect(safeMemberPath(name, 'x')).toBe(path);
  });

  it.each([
    '/etc/passwd',
    './/etc/passwd',
    '../x',
    './../x',
    './usr/../../x',
    'usr/..',
    '..',
    'a\nb',
    'a\u0000b',
  ])('refuses %j', (name) => {
    expect(() => safeMemberPath(name, 'x')).toThrow(expect.objectContaining({ code: 'package-unsafe-path' }));
  });
});
