/** The listing as users run it, without `--mirror`: real host names, HTTPS where it counts, no package fetched. */

import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Internet } from '../../test/internet/internet.ts';
import {
  startUbuntuInternet,
  UBUNTU_INTERNET_TOOLS,
  type UbuntuInternet,
} from '../../test/mirrors/ubuntu-internet.ts';
import type { UbuntuMirror } from '../../test/mirrors/ubuntu-mirror.ts';
import { crawlContextForTest, EVERYTHING } from '../../test/support/crawl-context.ts';
import { needsTool } from '../../test/support/tools.ts';
import type { CrawlRequest, CrawlResult, HttpValidator } from '../types.ts';
import { ubuntuCrawler } from './index.ts';

describe.skipIf(needsTool(...UBUNTU_INTERNET_TOOLS))('Ubuntu on its own hosts', () => {
  let ubuntu: UbuntuInternet;
  let mirror: UbuntuMirror;
  let internet: Internet;
  let validators: Map<string, HttpValidator>;
  let runs = 0;

  beforeAll(async () => {
    ubuntu = await startUbuntuInternet('ubuntu-internet');
    ({ mirror, internet } = ubuntu);
  });
  afterAll(() => ubuntu?.close());
  beforeEach(() => {
    internet.reset();
    internet.serveAll(mirror.hosts);
    validators = new Map();
    runs += 1;
  });

  async function list(request: Partial<CrawlRequest> = {}): Promise<CrawlResult> {
    const http = internet.createClient({ maxAttempts: 2, backoffBaseMs: 5, stallTimeoutMs: 1000 });
    onTestFinished(() => http.close());
    const context = crawlContextForTest({ cacheDir: join(ubuntu.folder, `cache-${runs}`), http, validators });
    return ubuntuCrawler.list({ ...EVERYTHING, keyrings: [mirror.keyring], ...request }, context);
  }

  function expected(isWanted: (suite: string) => boolean = () => true): string[] {
    return mirror.kernels.flatMap(({ key, suite }) => (isWanted(suite) ? [key] : [])).toSorted(byText);
  }

  test('every kernel of the debug archive, and no shim', async () => {
    const result = await list();
    expect(result.failures).toEqual([]);
    expect(keys(result)).toEqual(expected((suite) => suite !== 'launchpad'));
    expect(new Set(result.packages.map(({ trust }) => trust))).toEqual(new Set(['signed-index']));
    expect(internet.requests(/launchpad/)).toEqual([]);
  });

  test('and with --history those that Launchpad has beyond it, which users had', async () => {
    const result = await list({ history: true });
    expect(result.failures).toEqual([]);
    expect(keys(result)).toEqual(expected());
    const pruned = result.packages.filter(({ suite }) => suite === 'launchpad');
    expect(pruned.map(({ kernel, trust }) => [kernel, trust])).toEqual([
      ['5.4.0-40-generic', 'tls-only'],
      ['4.4.0-98-generic', 'tls-only'],
    ]);
    for (const { url } of pruned) expect(url).toMatch(/^https:\/\/launchpad\.net\/.*\.ddeb$/);
  });

  test('a second listing moves no index of the debug archive', async () => {
    const first = await list();
    const indexes = internet.bytesOf('ddebs.ubuntu.com');
    const second = await list();
    expect(second.packages).toEqual(first.packages);
    expect(internet.bytesOf('ddebs.ubuntu.com')).toBe(indexes);
  });

  test('the list of releases is down: a failure, and nothing is lost', async () => {
    internet.unplug('changelogs.ubuntu.com');
    const result = await list();
    expect(result.failures).toMatchObject([{ suite: 'meta-release', error: { code: 'http-unreachable' } }]);
    expect(keys(result)).toEqual(expected((suite) => suite !== 'launchpad'));
  });

  test('Launchpad is down: a failure, and nothing of the debug archive is lost', async () => {
    internet.unplug('api.launchpad.net');
    const result = await list({ history: true });
    expect(result.failures).toMatchObject([{ suite: 'launchpad', error: { code: 'http-unreachable' } }]);
    expect(keys(result)).toEqual(expected((suite) => suite !== 'launchpad'));
  });

  test('the debug archive is down: Launchpad is not made to stand in for it', async () => {
    internet.unplug('ddebs.ubuntu.com');
    const result = await list({ history: true });
    expect(result.packages).toEqual([]);
    expect(new Set(result.failures.map(({ error }) => error.code))).toEqual(new Set(['http-unreachable']));
    expect(internet.requests(/launchpad/)).toEqual([]);
  });

  test('an index that the archive lists and does not have fails alone', async () => {
    internet.fail(/focal-updates\/universe\/binary-amd64/, { kind: 'status', statusCode: 404 });
    const result = await list();
    expect(result.failures).toMatchObject([{ suite: 'focal-updates', release: '20.04' }]);
    expect(keys(result)).toEqual(
      expected((suite) => suite !== 'launchpad').filter((key) => !key.endsWith('5.13.0-1029-oem')),
    );
  });
});

function keys({ packages }: CrawlResult): string[] {
  return packages.map(({ release, arch, kernel }) => `ubuntu/${release}/${arch}/${kernel}`).toSorted(byText);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
