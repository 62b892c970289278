import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { CrawlRequest, CrawlResult } from '../crawlers/types.ts';
import { BtfmillError, type ErrorCode } from '../errors/index.ts';
import { debugPackage } from '../test/support/debug-package.ts';
import { type DistroListing, listDistros } from './list-distros.ts';

const REQUEST: Omit<CrawlRequest, 'mirror'> = {
  releases: [],
  archs: [],
  kernels: [],
  variants: [],
  allowExpired: false,
  insecure: false,
};

const ARCHS: Readonly<Record<string, readonly string[]>> = {
  debian: ['x86_64', 'arm64', 's390x'],
  fedora: ['x86_64', 'arm64'],
  amzn: ['x86_64', 'arm64'],
};

type List = (distro: string, request: CrawlRequest) => CrawlResult | Promise<CrawlResult>;

function found(distro: string, request: CrawlRequest, releases: readonly string[]): CrawlResult {
  const wanted = request.releases.length === 0 ? releases : request.releases;
  for (const release of wanted) {
    if (!releases.includes(release)) throw new BtfmillError('usage', `${distro} has no release ${release}`);
  }
  const packages = wanted.map((release) => debugPackage(`${release}-1`, { distro, release }));
  return { packages, indexes: [], failures: [], indexBytes: 10, indexRequests: 1 };
}

const RELEASES: Readonly<Record<string, readonly string[]>> = {
  debian: ['13', '12', '10'],
  fedora: ['40', '39'],
  centos: ['10', '9', '7'],
  amzn: ['2023', '2'],
};

const plain: List = (distro, request) => found(distro, request, RELEASES[distro] ?? []);

interface Asked {
  readonly listings: readonly DistroListing[];
  readonly requests: readonly [distro: string, request: CrawlRequest][];
  readonly said: readonly string[];
}

async function ask(
  distros: readonly string[],
  request: Partial<CrawlRequest> = {},
  {
    list = plain,
    mirrors = {},
    own = {},
  }: { list?: List; mirrors?: Record<string, string>; own?: Record<string, typeof REQUEST> } = {},
): Promise<Asked> {
  const requests: [string, CrawlRequest][] = [];
  const said: string[] = [];
  const listings = await listDistros(
    { distros, request: { ...REQUEST, ...request }, mirrors, own },
    {
      list: async (distro, own, say) => {
        requests.push([distro, own]);
        say('hello');
        return list(distro, own);
      },
      archsOf: (distro) => ARCHS[distro] ?? [],
      say: (message) => said.push(message),
      signal: new AbortController().signal,
    },
  );
  return { listings, requests, said };
}

function kernels({ listings }: Asked): string[] {
  return listings.flatMap(({ packages }) => packages.map(({ distro, kernel }) => `${distro}/${kernel}`));
}

function failing(broken: Readonly<Record<string, ErrorCode>>): List {
  return (distro, request) => {
    const code = broken[distro];
    if (code !== undefined) throw new BtfmillError(code, `${distro} broke`);
    return plain(distro, request);
  };
}

describe('several distributions', () => {
  it('are listed in their order, and say whose words are whose', async () => {
    const asked = await ask(['debian', 'amzn']);
    expect(kernels(asked)).toEqual(['debian/13-1', 'debian/12-1', 'debian/10-1', 'amzn/2023-1', 'amzn/2-1']);
    expect(asked.said).toEqual(['debian: hello', 'amzn: hello']);
    expect((await ask(['debian'])).said).toEqual(['hello']);
  });

  it('are listed a few at once', async () => {
    let now = 0;
    let most = 0;
    const list: List = async (distro, request) => {
      now += 1;
      most = Math.max(most, now);
      await sleep(20);
      now -= 1;
      return plain(distro, request);
    };
    await ask(['debian', 'fedora', 'centos', 'amzn', 'ubuntu'], {}, { list });
    expect(most).toBe(3);
  });

  it('each have their own mirror', async () => {
    const { requests } = await ask(['debian', 'amzn'], {}, { mirrors: { amzn: 'http://m.test' } });
    expect(requests.map(([distro, { mirror }]) => [distro, mirror])).toEqual([
      ['debian', undefined],
      ['amzn', 'http://m.test'],
    ]);
  });

  it.each(['unexpected', 'http-unreachable', 'index-signature', 'tool-missing', 'usage'] as const)(
    'go on when one of them ends with %s',
    async (code) => {
      const asked = await ask(['debian', 'amzn'], {}, { list: failing({ debian: code }) });
      expect(kernels(asked)).toEqual(['amzn/2023-1', 'amzn/2-1']);
      expect(asked.listings[0]).toMatchObject({ distro: 'debian', error: { code } });
    },
  );

  it('come to an end when none can be listed, for a reason that lies here', async () => {
    const list = failing({ debian: 'tool-missing', amzn: 'tool-missing' });
    await expect(ask(['debian', 'amzn'], {}, { list })).rejects.toMatchObject({ code: 'tool-missing' });
    const upstream = failing({ debian: 'http-unreachable', amzn: 'tool-missing' });
    expect((await ask(['debian', 'amzn'], {}, { list: upstream })).listings).toHaveLength(2);
  });
});

describe('a request of its own', () => {
  const own = { fedora: { ...REQUEST, releases: ['40'], archs: ['s390x'] } };

  it('is asked as it is, and is no matter to the others', async () => {
    const { requests, listings } = await ask(
      ['debian', 'fedora', 'amzn'],
      { releases: ['12'], archs: ['arm64'] },
      { own, list: (distro, request) => plain(distro === 'amzn' ? 'debian' : distro, request) },
    );
    expect(listings.map(({ distro }) => distro)).toEqual(['debian', 'fedora', 'amzn']);
    const asked = Object.fromEntries(requests);
    expect(asked['fedora']).toMatchObject({ releases: ['40'], archs: ['s390x'] });
    expect(asked['debian']).toMatchObject({ releases: ['12'], archs: ['arm64'] });
    expect(asked['amzn']).toMatchObject({ releases: ['12'], archs: ['arm64'] });
  });

  it('fails alone when it names what there is not', async () => {
    const wrong = { fedora: { ...REQUEST, releases: ['12'] }, debian: { ...REQUEST, releases: ['12'] } };
    const asked = await ask(['debian', 'fedora'], {}, { own: wrong });
    expect(kernels(asked)).toEqual(['debian/12-1']);
    expect(asked.listings[1]).toMatchObject({ distro: 'fedora', error: { code: 'usage' } });
  });
});

describe('a single distribution', () => {
  it.each(['unexpected', 'tool-missing', 'usage'] as const)('ends with its %s', async (code) => {
    await expect(ask(['debian'], {}, { list: failing({ debian: code }) })).rejects.toMatchObject({ code });
  });

  it('is asked for all names at once, and has the last word on them', async () => {
    const { requests } = await ask(['debian'], { releases: ['12', '13'], archs: ['mips'] });
    expect(requests).toMatchObject([['debian', { releases: ['12', '13'], archs: ['mips'] }]]);
    await expect(ask(['debian'], { releases: ['12', '39'] })).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('releases of several distributions', () => {
  const all = ['debian', 'fedora', 'centos', 'amzn'];

  it('are meant for those that know them', async () => {
    const asked = await ask(all, { releases: ['10', '39'] });
    expect(kernels(asked)).toEqual(['debian/10-1', 'fedora/39-1', 'centos/10-1']);
    expect(asked.said).toContain('amzn: left out of release 39: amzn has no release 39');
    expect(asked.said).toContain('fedora: left out of release 10: fedora has no release 10');
    expect(asked.listings.at(-1)).toMatchObject({ distro: 'amzn', indexBytes: 0 });
  });

  it('come together and in the order of the distribution, when it knows several', async () => {
    const asked = await ask(['debian', 'fedora'], { releases: ['12', '39', '13'] });
    expect(asked.requests.at(-1)).toMatchObject(['debian', { releases: ['12', '13'] }]);
    expect(kernels(asked)).toEqual(['debian/12-1', 'debian/13-1', 'fedora/39-1']);
    expect(asked.listings[0]).toMatchObject({ indexBytes: 30, indexRequests: 3 });
  });

  it('that nobody knows make no sense, and the reasons are given', async () => {
    const failed = ask(all, { releases: ['10', 'bookwrom'] });
    await expect(failed).rejects.toMatchObject({ code: 'usage' });
    await expect(failed).rejects.toThrow(/bookwrom.*debian has no.*amzn has no/u);
  });

  it('that a mirror has never heard of are as unknown as any', async () => {
    const missing = {
      suite: 'jammy',
      release: 'jammy',
      error: new BtfmillError('http-not-found', 'no suite'),
    };
    const list: List = (distro, request) => {
      if (distro !== 'debian') return plain('amzn', { ...request, releases: [] });
      return { packages: [], indexes: [], failures: [missing], indexBytes: 5, indexRequests: 2 };
    };
    const asked = await ask(['debian', 'ubuntu'], { releases: ['jammy'] }, { list });
    expect(asked.listings[0]).toMatchObject({ failures: [], packages: [], indexBytes: 5, indexRequests: 2 });
    expect(asked.said).toContain('debian: left out of release jammy: no suite');

    const unreachable = { ...missing, error: new BtfmillError('http-unreachable', 'no route') };
    const away: List = (distro, request) =>
      distro === 'debian'
        ? { packages: [], indexes: [], failures: [unreachable], indexBytes: 0, indexRequests: 0 }
        : list(distro, request);
    const other = await ask(['debian', 'ubuntu'], { releases: ['jammy'] }, { list: away });
    expect(other.listings[0].failures).toEqual([unreachable]);
  });
});

describe('architectures of several distributions', () => {
  it('are asked for where there are such kernels', async () => {
    const { requests, said } = await ask(['debian', 'fedora'], { archs: ['s390x', 'arm64'] });
    expect(requests.map(([distro, { archs }]) => [distro, archs])).toEqual([
      ['debian', ['s390x', 'arm64']],
      ['fedora', ['arm64']],
    ]);
    expect(said).toContain('fedora: has no kernels for s390x');
    expect((await ask(['debian', 'fedora'], { archs: ['s390x'] })).listings).toHaveLength(1);
  });

  it('that none of them has make no sense', async () => {
    await expect(ask(['debian', 'fedora'], { archs: ['x86_64', 'ppc'] })).rejects.toMatchObject({
      code: 'usage',
      message: 'none of debian, fedora has kernels for ppc',
    });
  });
});

it('stops when it is told to', async () => {
  const stop = new AbortController();
  const listing = listDistros(
    { distros: ['debian', 'amzn'], request: REQUEST, mirrors: {} },
    {
      list: async () => {
        stop.abort(new BtfmillError('aborted', 'stopped'));
        throw new BtfmillError('aborted', 'stopped');
      },
      archsOf: () => [],
      say: () => {},
      signal: stop.signal,
    },
  );
  await expect(listing).rejects.toMatchObject({ code: 'aborted' });
});
