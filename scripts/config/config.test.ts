import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../../test/support/temp.ts';
import { parseByteSize } from './byte-size.ts';
import { chooseDistros } from './choose-distros.ts';
import { environmentOverrides, fromText, loadConfig, type Override, readConfig } from './load-config.ts';
import { configuredLimits, configuredRequest, runBudget } from './to-run.ts';

const FILE = '/etc/btfmill/btfmill.config.json';
const MINIMAL = { distros: { debian: {} } };

function messageOf(value: unknown, overrides: readonly Override[] = []): string {
  try {
    readConfig(value, FILE, overrides);
  } catch (error) {
    expect(error).toMatchObject({ code: 'usage' });
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}

describe('a configuration', () => {
  it.each(['0 GB', '0.3 B', '999999999999 TiB'])('counts no %s', (size) => {
    const sizes = { cacheSize: size, limits: { bytes: size } };
    const message = messageOf({ ...MINIMAL, ...sizes });
    expect(message).toContain('cacheSize: is less than a byte, or more than can be counted');
    expect(message).toContain('limits.bytes: is less than');
  });

  it('takes no proxy that is none, and does not repeat its password', () => {
    for (const http of ['proxy:3128', 'user:secret@proxy', 'socks5://user:secret@proxy:1', '']) {
      const message = messageOf({ ...MINIMAL, proxies: { http } });
      expect(message).toContain('proxies.http: ');
      expect(message).not.toContain('secret');
    }
  });

  it('says where a key is there twice, of which the parser would take the last', async () => {
    const file = join(await tempDirForTest('config'), 'c.json');
    writeFileSync(file, '{"distros": {"debian": {"releases": ["12"]},\n "amzn": {}, "debian": {}}}');
    await expect(loadConfig(file, [])).rejects.toThrow(`${file}:2:14: the key "debian" is there already`);
    writeFileSync(
      file,
      '{"distros": {"debian": {"limit": 1}, "amzn": {"limit": 1, "kernels": ["limit", "limit"]}}}',
    );
    expect(await loadConfig(file, [])).toMatchObject({ distros: { amzn: { limit: 1 } } });
  });

  it('needs no more than a distribution', () => {
    expect(readConfig(MINIMAL, FILE, [])).toMatchObject({
      archive: '/etc/btfmill/archive',
      db: '/etc/btfmill/btfmill.sqlite',
      reports: '/etc/btfmill/reports',
      backups: { folder: '/etc/btfmill/backups', keep: 7 },
      limits: {},
      jobs: 2,
      downloads: 2,
      publish: false,
    });
  });

  it('keeps absolute paths, resolves others at its folder, and reads sizes', () => {
    const config = readConfig(
      {
        archive: '/srv/btf',
        cache: '../cache',
        metrics: 'm/btfmill.prom',
        cacheSize: '1.5 GB',
        limits: { bytes: '20 MiB', kernels: 3, minutes: 0.5 },
        publish: { key: 'k' },
        distros: { debian: { keyrings: ['k.gpg', '/k2.gpg'] } },
      },
      FILE,
      [],
    );
    expect(config).toMatchObject({
      archive: '/srv/btf',
      cache: '/etc/cache',
      metrics: '/etc/btfmill/m/btfmill.prom',
      cacheSize: 1_500_000_000,
      limits: { bytes: 20 * 2 ** 20, kernels: 3, minutes: 0.5 },
      publish: { key: '/etc/btfmill/k', unsigned: false, validDays: 7 },
      distros: { debian: { keyrings: ['/etc/btfmill/k.gpg', '/k2.gpg'] } },
    });
    expect(runBudget(config.limits)).toEqual({ bytes: 20_971_520, kernels: 3, milliseconds: 30_000 });
  });

  it('is the same again when it is printed and read', () => {
    const config = readConfig({ ...MINIMAL, cacheSize: '1 GB', backups: false, publish: {} }, FILE, []);
    expect(readConfig(JSON.parse(JSON.stringify(config)), '/elsewhere/c.json', [])).toEqual(config);
  });

  it.each<[string, unknown, string]>([
    ['a list', [], `${FILE}: expected an object, found []`],
    ['no distribution at all', {}, `${FILE}: distros: is missing`],
    ['an empty set of them', { distros: {} }, `${FILE}: distros: names no distribution`],
    ['a misspelt one', { distros: { debain: {} } }, 'distros.debain: unknown key; did you mean "debian"?'],
    ['a misspelt key', { ...MINIMAL, cachesize: 1 }, 'cachesize: unknown key; did you mean "cacheSize"?'],
    [
      'a key like no other',
      { ...MINIMAL, frobnicate: 1 },
      'frobnicate: unknown key; there is $schema, archive',
    ],
    [
      'one of a distribution',
      { distros: { debian: { kernel: [] } } },
      'distros.debian.kernel: unknown key; did you mean "kernels"?',
    ],
    [
      'one inside of an alternative',
      { ...MINIMAL, publish: { kez: 'x' } },
      'publish.kez: unknown key; did you mean "key"?',
    ],
    [
      'text for a list',
      { distros: { debian: { releases: '12' } } },
      'distros.debian.releases: expected a list, found "12"',
    ],
    [
      'a number for text',
      { distros: { debian: { releases: [12] } } },
      'distros.debian.releases[0]: expected text, found 12',
    ],
    ['empty text', { ...MINIMAL, db: '' }, 'db: is empty'],
    [
      'no architecture',
      { distros: { debian: { archs: ['vax'] } } },
      'distros.debian.archs[0]: there is no architecture vax',
    ],
    [
      'no mirror',
      { distros: { debian: { mirror: 'm.test' } } },
      'distros.debian.mirror: m.test is no http(s) base URL',
    ],
    [
      'no size',
      { ...MINIMAL, limits: { bytes: '20 gigs' } },
      'limits.bytes: expected a number of bytes, or text such as "20 GB" or "512 MiB", found "20 gigs"',
    ],
    ['half a job', { ...MINIMAL, jobs: 1.5 }, 'jobs: expected a whole number, found 1.5'],
    ['no jobs', { ...MINIMAL, jobs: 0 }, 'jobs: must be at least 1, is 0'],
    ['too many', { ...MINIMAL, jobs: 1000 }, 'jobs: must be at most 256, is 1000'],
    ['no time', { ...MINIMAL, limits: { minutes: 0 } }, 'limits.minutes: must be more than 0, is 0'],
    [
      'another word',
      { ...MINIMAL, source: 'btf' },
      'source: expected "auto" or "dwarf" or "native", found "btf"',
    ],
    ['neither of two', { ...MINIMAL, backups: true }, 'backups: cannot be true'],
    [
      'a key, and none',
      { ...MINIMAL, publish: { key: 'k', unsigned: true } },
      'publish: has a key and is to be unsigned',
    ],
  ])('with %s is refused, with the place', (_what, value, expected) => {
    expect(messageOf(value)).toContain(expected);
  });

  it('is refused with everything that is wrong at once', () => {
    const message = messageOf({ distros: { debian: { archs: ['vax', 3] } }, jobs: 'two' });
    expect(message.split('; ')).toHaveLength(3);
  });
});

describe('what stands above the file', () => {
  it('is the environment, and the flags above that', () => {
    const env = {
      BTFMILL_JOBS: '3',
      BTFMILL_LIMIT_BYTES: '2 GB',
      BTFMILL_ARCHIVE: '/env',
      BTFMILL_THREADS: '',
    };
    const flags = [{ path: ['jobs'], value: fromText('4', 'number'), from: '--jobs' }];
    const config = readConfig({ ...MINIMAL, jobs: 8, archive: 'a' }, FILE, [
      ...environmentOverrides(env),
      ...flags,
    ]);
    expect(config).toMatchObject({ archive: '/env', jobs: 4, limits: { bytes: 2_000_000_000 } });
  });

  it('is named when it is wrong', () => {
    expect(messageOf(MINIMAL, environmentOverrides({ BTFMILL_JOBS: 'many' }))).toBe(
      'BTFMILL_JOBS: expected a number, found "many"',
    );
    expect(messageOf(MINIMAL, environmentOverrides({ BTFMILL_LIMIT_MINUTES: '-1' }))).toContain(
      'BTFMILL_LIMIT_MINUTES: ',
    );
    expect(
      messageOf({ ...MINIMAL, limits: 3 }, environmentOverrides({ BTFMILL_LIMIT_KERNELS: '3' })),
    ).toContain(`${FILE}: limits: expected an object, found 3`);
  });
});

describe('loadConfig', () => {
  it('says where JSON ends to be JSON', async () => {
    const file = join(await tempDirForTest('config'), 'c.json');
    writeFileSync(file, '{\n  "distros": { "debian": {}, }\n}\n');
    await expect(loadConfig(file, [])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`${file}:2:`),
    });
    writeFileSync(file, '{\n  "distros":');
    await expect(loadConfig(file, [])).rejects.toMatchObject({
      message: expect.stringMatching(/c\.json:2:\d+: is no JSON/u),
    });
  });

  it('says that there is no file', async () => {
    await expect(loadConfig('/nonexistent/c.json', [])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('no such configuration file'),
    });
  });
});

describe('from a configuration to a run', () => {
  it('asks each distribution its own question', () => {
    const { distros } = readConfig(
      {
        distros: {
          fedora: { archs: ['aarch64', 'arm64'], limit: 3 },
          debian: { releases: ['12'], mirror: 'http://M.test/debian/', history: true },
        },
      },
      FILE,
      [],
    );
    expect(configuredRequest(distros)).toMatchObject({
      distros: ['debian', 'fedora'],
      own: {
        fedora: { archs: ['arm64'], releases: [] },
        debian: { archs: [], releases: ['12'], history: true },
      },
      mirrors: { debian: 'http://m.test/debian' },
    });
    expect(configuredLimits(distros)).toEqual({ fedora: 3 });
  });

  it('leaves out what was not chosen', () => {
    const configured = { debian: 1, fedora: 2 };
    expect(chooseDistros(configured, undefined)).toEqual(configured);
    expect(chooseDistros(configured, ['fedora'])).toEqual({ fedora: 2 });
    expect(() => chooseDistros(configured, ['ubuntu'])).toThrow(
      /ubuntu: is not configured, only debian, fedora are/u,
    );
  });
});

describe('parseByteSize', () => {
  it.each<[string | number, number | undefined]>([
    [5, 5],
    ['5', 5],
    ['5 B', 5],
    ['1.5kB', 1500],
    ['20 GB', 20_000_000_000],
    ['1 TiB', 2 ** 40],
    ['20 gb', undefined],
    ['-1 GB', undefined],
    ['GB', undefined],
    ['1e9', undefined],
  ])('%j is %j', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });
});
