import { describe, expect, test } from 'vitest';
import { readPrimaryXml } from './primary-xml.ts';

const SHA256 = 'ab'.repeat(32);
const PACKAGE = `<package type="rpm">
  <name>kernel-debuginfo</name>
  <arch>aarch64</arch>
  <version epoch="1" ver="6.1.10" rel="200.fc37"/>
  <checksum type="sha256" pkgid="YES">${SHA256}</checksum>
  <summary>Kernel &amp; co</summary>
  <time file="1700000001" build="1700000000"/>
  <size package="4567" installed="9999999999" archive="9999999999"/>
  <location href="Packages/k/kernel-debuginfo-6.1.10-200.fc37.aarch64.rpm"/>
  <format>
    <rpm:sourcerpm>kernel-6.1.10-200.fc37.src.rpm</rpm:sourcerpm>
    <rpm:provides>
      <rpm:entry name="bash" flags="EQ" epoch="9" ver="9" rel="9"/>
    </rpm:provides>
    <version epoch="8" ver="8" rel="8"/><name>bash</name><location href="evil.rpm"/>
  </format>
</package>`;

const BASES = ['https://a.example/debug/', 'http://b.example/x'];
const origin = { where: 'x', bases: BASES, allowedHosts: [] };
async function* stream(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
const read = (packages: string, isWanted = (name: string) => name.startsWith('kernel')) =>
  readPrimaryXml(stream(`<metadata xmlns="c" xmlns:rpm="r">${packages}</metadata>`), origin, isWanted);
const change = (from: string | RegExp, to: string) => () => read(PACKAGE.replace(from, to));

const ENTRY = {
  name: 'kernel-debuginfo',
  arch: 'aarch64',
  epoch: 1,
  version: '6.1.10',
  release: '200.fc37',
  digest: `sha256:${SHA256}`,
  sizeBytes: 4567,
  urls: [
    'https://a.example/debug/Packages/k/kernel-debuginfo-6.1.10-200.fc37.aarch64.rpm',
    'http://b.example/x/Packages/k/kernel-debuginfo-6.1.10-200.fc37.aarch64.rpm',
  ],
  buildTime: new Date(1_700_000_000_000),
  sourceRpm: 'kernel-6.1.10-200.fc37.src.rpm',
};

describe('what it says', () => {
  test('direct children count, nothing inside <format> but the source', async () => {
    expect(await read(PACKAGE)).toEqual([ENTRY]);
  });

  test('versions stay text: 6.10 is not 6.1', async () => {
    const [entry] = await change('6.1.10', '6.10')();
    expect(entry.version).toBe('6.10');
  });

  test('a base of its own, on the host that the list came from', async () => {
    const [{ urls }] = await change('<location', '<location xml:base="https://a.example/all/"')();
    expect(urls).toEqual(['https://a.example/all/Packages/k/kernel-debuginfo-6.1.10-200.fc37.aarch64.rpm']);
  });

  test('what may be missing', async () => {
    const text = PACKAGE.replace(' epoch="1"', '')
      .replace(/<time.*/, '')
      .replace(/<format>[\s\S]*<\/format>/, '')
      .replace(' type="rpm"', '');
    const { buildTime: _, sourceRpm: __, ...rest } = ENTRY;
    expect(await read(text)).toEqual([{ ...rest, epoch: 0, buildTime: undefined, sourceRpm: undefined }]);
  });

  test('other orders, quotes and prefixes', async () => {
    const text = `<c:package><c:location href='a.rpm' xml:base='https://a.example/other'/>
      <c:size archive='1' package='2'/><c:checksum type='sha'>${'AB'.repeat(20)}</c:checksum>
      <c:version rel='1' ver='2' epoch='0'/><c:arch>x86_64</c:arch><c:name>&#107;ernel</c:name></c:package>`;
    const found = await readPrimaryXml(
      stream(`<c:metadata>${text}</c:metadata>`),
      { ...origin, bases: [BASES[0]] },
      (name) => name === 'kernel',
    );
    expect(found).toMatchObject([
      {
        name: 'kernel',
        epoch: 0,
        digest: `sha1:${'ab'.repeat(20)}`,
        urls: ['https://a.example/other/a.rpm'],
      },
    ]);
  });

  test('a name that turns out to be another one once decoded', async () => {
    expect(await change('kernel-debuginfo<', '&#98;ash<')()).toEqual([]);
  });
});

describe('malformed', () => {
  test.each([
    ['no sound XML', change('</arch>', '</arc>'), 'no sound XML'],
    ['an undefined entity', change('&amp;', '&nbsp;'), 'stands for nothing'],
    ['two names', change(/<name>.*/, '$&$&'), 'has 2 <name>'],
    [
      'a name with a blank',
      change('kernel-debuginfo<', 'kernel debuginfo<'),
      'a package named "kernel debuginfo"',
    ],
    ['another type', change('type="rpm"', 'type="drpm"'), 'of type "drpm"'],
    ['no arch', change(/<arch>.*/, ''), 'has no <arch>'],
    ['an arch that climbs', change('aarch64<', '../x<'), 'has the architecture "../x"'],
    ['no version', change(/<version.*/, ''), 'has no <version>'],
    ['two versions', change(/<version.*/, '$&$&'), 'has 2 <version>'],
    ['no ver', change(' ver="6.1.10"', ''), 'has no ver'],
    ['an empty ver', change('"6.1.10"', '""'), 'has the version ""'],
    ['a ver with a dash', change('"6.1.10"', '"6-1"'), 'has the version "6-1"'],
    ['no rel', change(' rel="200.fc37"', ''), 'has no rel'],
    ['a rel with a slash', change('"200.fc37"', '"../1"'), 'has the release "../1"'],
    ['an epoch that is none', change('epoch="1"', 'epoch="x"'), 'has the epoch "x"'],
    ['an epoch below 0', change('epoch="1"', 'epoch="-1"'), 'has the epoch "-1"'],
    ['an epoch beyond 32 bits', change('epoch="1"', 'epoch="4294967296"'), 'has the epoch 4294967296'],
    ['no checksum', change(/<checksum.*/, ''), 'has no <checksum>'],
    ['a checksum without type', change(' type="sha256"', ''), 'has no type'],
    ['a checksum of type md5', change('"sha256"', '"md5"'), 'has the "md5" checksum'],
    ['a checksum that is too long', change('abab', 'ababab'), 'has the "sha256" checksum'],
    ['no size', change(/<size.*/, ''), 'has no <size>'],
    ['no package size', change('package="4567"', ''), 'has no package'],
    ['a size of 0', change('"4567"', '"0"'), 'has the size "0"'],
    ['a size that is none', change('"4567"', '"1e9"'), 'has the size "1e9"'],
    ['a size beyond all numbers', change('"4567"', `"${'9'.repeat(20)}"`), 'has the size'],
    ['a build time that is none', change('build="1700000000"', 'build="now"'), 'has the build time "now"'],
    ['no location', change(/<location.*/, ''), 'has no <location>'],
    ['no href', change('href="P', 'ref="P'), 'has no href'],
    ['two formats', change(/<format>/, '<format/><format>'), 'has 2 <format>'],
  ])('%s', async (_, reading, message) => {
    await expect(reading()).rejects.toMatchObject({ code: 'index-malformed' });
    await expect(reading()).rejects.toThrow(message);
  });

  test.each([
    ['another host', change('href="P', 'href="https://evil.example/P')],
    ['another base', change('<location', '<location xml:base="https://evil.example/"')],
    ['a query', change('.rpm"', '.rpm?x"')],
  ])('%s → index-unsafe-path', async (_, reading) => {
    await expect(reading()).rejects.toMatchObject({ code: 'index-unsafe-path' });
    await expect(reading()).rejects.toThrow('x: kernel-debuginfo: names ');
  });

  test('more kernels than anybody has → index-malformed', async () => {
    await expect(read(PACKAGE.repeat(20_001))).rejects.toMatchObject({
      code: 'index-malformed',
      message: 'x: lists more than 20000 kernels',
    });
  }, 60_000);

  test('what is not wanted is not looked at', async () => {
    expect(await read(PACKAGE.replace('</arch>', '</arc>'), (name) => name === 'bash')).toEqual([]);
  });
});
