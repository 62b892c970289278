/**
 * What every crawler must hold, whatever it crawls (crawlers/types.ts). A crawler's own test builds a small mirror,
 * says what is in it, and calls {@link describeCrawler}; what only that distribution does is tested beside it.
 */

import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { HttpClient } from '../../crawlers/http/client.ts';
import { parsePackageDigest } from '../../crawlers/package-digest.ts';
import type {
  CrawlContext,
  CrawlRequest,
  CrawlResult,
  Crawler,
  DebugPackage,
  HttpValidator,
} from '../../crawlers/types.ts';
import { crawlContextForTest, EVERYTHING } from '../support/crawl-context.ts';
import type { FileServer } from '../support/file-server.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

/** One index file of the mirror that another listing can do without. */
export interface ExpendableIndex {
  /** What it is, for the test's name, e.g. `bookworm-security`. */
  readonly name: string;
  /** Matches the path of every request that is served from it, and of no other. */
  readonly path: RegExp;
  /** The release whose failure is told. */
  readonly release: string;
  /** The kernels that are gone with it, as in {@link CrawlerMirror.kernels}. */
  readonly lost: readonly string[];
}

/** A mirror that is up, and what it holds. At least two releases and two architectures. */
export interface CrawlerMirror {
  /** How it is asked for, e.g. `mirror` and `keyrings`; without it nothing but the crawler's defaults. */
  readonly request: Partial<CrawlRequest>;
  /** Where the requests end up. */
  readonly server: Pick<FileServer, 'log' | 'clear' | 'setFault'>;
  /** `<release>/<arch>/<kernel>` of each kernel that a request for everything finds, in any order. */
  readonly kernels: readonly string[];
  readonly indexes: readonly ExpendableIndex[];
  /** A client that reaches the mirror, where an ordinary one does not. The test closes it. */
  readonly createClient?: () => HttpClient;
  close(): Promise<void>;
}

export interface CrawlerContract {
  readonly crawler: Crawler;
  /** Programs that the mirror or the crawler runs. */
  readonly tools: readonly string[];
  /** Builds the mirror below a folder that the contract removes. */
  readonly start: (folder: string) => Promise<CrawlerMirror>;
  /** Orders `packageVersion`. */
  readonly compareVersions: (a: string, b: string) => number;
  /** Hosts that packages may come from; default the host of the request's mirror. */
  readonly packageHosts?: readonly string[];
  /**
   * What the chain hangs on. `index`: signed indexes, so another key makes a failure of each. `package`: packages
   * that carry their own signature, so each must name the keys for it.
   */
  readonly signed: 'index' | 'package';
  /** Names of no release; default `99` and `no-such`. */
  readonly unknownReleases?: readonly string[];
}

/** Names in archive paths: what a file name may be anywhere, and never one that climbs. */
const PATH_SAFE = /^(?!\.{1,2}$)[A-Za-z0-9][A-Za-z0-9._+~-]*$/;

/** Declares the tests. */
export function describeCrawler(contract: CrawlerContract): void {
  const { crawler } = contract;
  describe.skipIf(needsTool(...contract.tools))(`contract of the ${crawler.distro} crawler`, () => {
    let folder: string;
    let mirror: CrawlerMirror;
    let all: CrawlResult;

    beforeAll(async () => {
      folder = await makeTempDir(`contract-${crawler.distro}`);
      mirror = await contract.start(join(folder, 'mirror'));
    });
    afterAll(async () => {
      await mirror?.close();
      await removeDir(folder);
    });
    beforeEach(async () => {
      await rm(join(folder, 'cache'), { recursive: true, force: true });
      mirror.server.setFault(() => undefined);
      all = await list();
      await rm(join(folder, 'cache'), { recursive: true, force: true });
      mirror.server.clear();
    });

    function newContext(
      more: Partial<CrawlContext> = {},
      validators?: Map<string, HttpValidator>,
    ): CrawlContext {
      const http = mirror.createClient?.();
      if (http !== undefined) onTestFinished(() => http.close());
      const context = crawlContextForTest({
        cacheDir: join(folder, 'cache'),
        ...(http === undefined ? {} : { http }),
        ...(validators === undefined ? {} : { validators }),
      });
      return { ...context, ...more };
    }

    function list(request: Partial<CrawlRequest> = {}, context = newContext()): Promise<CrawlResult> {
      return crawler.list({ ...EVERYTHING, ...mirror.request, ...request }, context);
    }

    function values(field: 'release' | 'arch'): string[] {
      return [...new Set(all.packages.map((found) => found[field]))];
    }

    test('finds what the mirror has, each kernel once', () => {
      expect(all.failures).toEqual([]);
      expect(mirror.kernels.length).toBeGreaterThan(0);
      expect(keys(all.packages)).toEqual(mirror.kernels.toSorted(byText));
      expect(values('release').length).toBeGreaterThan(1);
      expect(values('arch').length).toBeGreaterThan(1);
    });

    test('lists the newest package first', () => {
      const versions = all.packages.map(({ packageVersion }) => packageVersion);
      for (const [index, version] of versions.entries()) {
        if (index > 0)
          expect(contract.compareVersions(versions[index - 1], version)).toBeGreaterThanOrEqual(0);
      }
    });

    test('gives well-formed values', () => {
      const hosts = contract.packageHosts ?? [new URL(mirror.request.mirror ?? '').host];
      for (const found of all.packages) {
        expect(found.distro).toBe(crawler.distro);
        expect(found.release).toMatch(PATH_SAFE);
        expect(crawler.archs).toContain(found.arch);
        expect(found.kernel).toMatch(PATH_SAFE);
        expect(found.kernel).toMatch(/^\d+\.\d+/);
        expect(found.packageName).toMatch(PATH_SAFE);
        expect(found.packageVersion).not.toBe('');
        expect(Number.isSafeInteger(found.sizeBytes) && found.sizeBytes > 0).toBe(true);
        expect(parsePackageDigest(found.digest)).toBeDefined();
        for (const address of [found.url, ...(found.otherUrls ?? [])]) {
          const url = new URL(address);
          expect(url.protocol).toMatch(/^https?:$/);
          expect(hosts).toContain(url.host);
          expect(url.pathname).not.toMatch(/\/\.\.?\/|%2f|%2e/i);
          expect(url.username + url.password + url.hash).toBe('');
        }
      }
    });

    test('says what the digests rest on, and who must have signed a package where nothing else counts', async () => {
      for (const found of all.packages) {
        if (found.trust === 'tls-only') expect(new URL(found.indexUrl).protocol).toBe('https:');
        if (found.trust === 'unanchored') expect(found.signature).toBeDefined();
        if (found.format === 'deb') expect(found.signature).toBeUndefined();
        expect(found.trust).not.toBe('insecure');
        for (const keyring of found.signature?.keyrings ?? []) await access(keyring);
      }
    });

    test('tells which indexes it read, and how many kernels each has', () => {
      for (const found of all.packages) {
        const { suite, release, arch, trust } = found;
        const named = all.indexes.filter(({ url }) => url === found.indexUrl);
        expect(named).toMatchObject([{ suite, release, arch, trust }]);
      }
      const told = all.indexes.reduce((sum, { kernels }) => sum + kernels, 0);
      expect(told).toBeGreaterThanOrEqual(all.packages.length);
    });

    test('globs over kernels narrow', async () => {
      const [first] = all.packages;
      const one = await list({ kernels: [first.kernel] });
      expect(one.failures).toEqual([]);
      expect(keys(one.packages)).toEqual(keys(all.packages.filter(({ kernel }) => kernel === first.kernel)));
      const none = await list({ kernels: ['no-such-*'] });
      expect(none.failures).toEqual([]);
      expect(none.packages).toEqual([]);
      expect(keys((await list({ kernels: ['*'] })).packages)).toEqual(keys(all.packages));
    });

    test('releases narrow, and one that is named twice is listed once', async () => {
      for (const release of values('release')) {
        const found = await list({ releases: [release, release] });
        expect(found.failures).toEqual([]);
        expect(found.packages).toEqual(all.packages.filter((other) => other.release === release));
      }
    });

    test('architectures narrow, by any of their names', async () => {
      for (const arch of values('arch')) {
        const found = await list({ archs: [arch, arch] });
        expect(found.failures).toEqual([]);
        expect(found.packages).toEqual(all.packages.filter((other) => other.arch === arch));
      }
      const byOtherNames = await list({ archs: ['amd64', 'aarch64'] });
      const byNames = all.packages.filter(({ arch }) => arch === 'x86_64' || arch === 'arm64');
      expect(keys(byOtherNames.packages)).toEqual(keys(byNames));
    });

    test.each(contract.unknownReleases ?? ['99', 'no-such', '../x'])(
      'release %j → usage, naming those there are',
      async (name) => {
        const [known] = values('release');
        await expect(list({ releases: [name] })).rejects.toMatchObject({
          code: 'usage',
          message: expect.stringContaining(known),
        });
      },
    );

    test('an unknown architecture → usage', async () => {
      await expect(list({ archs: ['vax'] })).rejects.toMatchObject({ code: 'usage' });
    });

    test.each([
      ['answers 404', { kind: 'status', statusCode: 404 }],
      ['answers 403', { kind: 'status', statusCode: 403 }],
      ['answers 503', { kind: 'status', statusCode: 503 }],
      ['is cut', { kind: 'cut', afterBytes: 20 }],
      ['has a wrong bit', { kind: 'flip', offset: 30 }],
      ['is a page of HTML', { kind: 'replace', body: Buffer.from('<html>not here</html>') }],
    ] as const)('an index that %s fails alone', async (_what, fault) => {
      expect(mirror.indexes.length).toBeGreaterThan(0);
      for (const index of mirror.indexes) {
        await rm(join(folder, 'cache'), { recursive: true, force: true });
        mirror.server.setFault(({ path }) => (index.path.test(path) ? fault : undefined));
        const found = await list();
        expect(found.failures.length, index.name).toBeGreaterThan(0);
        for (const { release, suite, error } of found.failures) {
          expect(release, index.name).toBe(index.release);
          expect(suite, index.name).not.toBe('');
          expect(error.code, index.name).toMatch(/^(http|index)-/);
          expect(error.message, index.name).toMatch(/\S{8}/);
        }
        const left = mirror.kernels.filter((kernel) => !index.lost.includes(kernel));
        expect(keys(found.packages), index.name).toEqual(left.toSorted(byText));
      }
    });

    test('a mirror that is down is failures and nothing else', async () => {
      mirror.server.setFault(() => ({ kind: 'status', statusCode: 503 }));
      const found = await list();
      expect(found.packages).toEqual([]);
      expect(found.indexes).toEqual([]);
      expect(found.failures.length).toBeGreaterThan(0);
      for (const { error } of found.failures) expect(error.code).toMatch(/^http-/);
    });

    test('counts requests and bytes, and a second listing moves no index', async () => {
      const validators = new Map<string, HttpValidator>();
      const first = await list({}, newContext({}, validators));
      expect(first.indexRequests).toBe(mirror.server.log.length);
      expect(first.indexBytes).toBe(mirror.server.log.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0));
      expect(first.indexBytes).toBeGreaterThan(0);
      mirror.server.clear();
      const second = await list({}, newContext({}, validators));
      expect(second.packages).toEqual(first.packages);
      expect(second.indexes).toEqual(first.indexes);
      expect(mirror.server.log.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)).toBe(0);
      expect(second.indexBytes).toBe(0);
    });

    test('a listing that is stopped ends as aborted, before it begins and in its middle', async () => {
      const stopped = newContext({ signal: AbortSignal.abort() });
      await expect(list({}, stopped)).rejects.toMatchObject({ code: 'aborted' });

      const controller = new AbortController();
      mirror.server.setFault(() => {
        controller.abort();
        return { kind: 'stall', afterBytes: 0 };
      });
      const context = newContext({ signal: controller.signal });
      await expect(list({}, context)).rejects.toMatchObject({ code: 'aborted' });
    });

    test.runIf(contract.signed === 'index')('keys that signed nothing → index-signature', async () => {
      const found = await list({ keyrings: [] });
      expect(found.packages).toEqual([]);
      expect(found.failures.length).toBeGreaterThan(0);
      for (const { error } of found.failures) expect(error.code).toBe('index-signature');
    });

    test.runIf(contract.signed === 'package')('every package must be signed, by known keys', () => {
      for (const found of all.packages) {
        expect(found.signature?.keyrings.length).toBeGreaterThan(0);
        expect(found.signature?.keyrings).toEqual(
          expect.arrayContaining([...(mirror.request.keyrings ?? [])]),
        );
      }
    });

    test('insecurely, everything is there, marked, and nobody need have signed it', async () => {
      const found = await list({ keyrings: [], insecure: true });
      expect(found.failures).toEqual([]);
      expect(keys(found.packages)).toEqual(keys(all.packages));
      for (const { trust, signature } of found.packages) {
        expect(trust).toBe('insecure');
        expect(signature).toBeUndefined();
      }
      for (const { trust, signer } of found.indexes) expect([trust, signer]).toEqual(['insecure', undefined]);
    });
  });
}

function keys(packages: readonly DebugPackage[]): string[] {
  return packages.map(({ release, arch, kernel }) => `${release}/${arch}/${kernel}`).toSorted(byText);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
