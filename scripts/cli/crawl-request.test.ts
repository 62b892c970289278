import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { crawlerNames } from '../../crawlers/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import {
  addNarrowingFlags,
  addSourceFlags,
  distroNames,
  distrosRequest,
  type RequestFlags,
} from './crawl-request.ts';

function parse(distros: readonly string[], ...args: readonly string[]) {
  const command = new Command('x').exitOverride().configureOutput({ writeErr: () => {} });
  addNarrowingFlags(command);
  addSourceFlags(command);
  return distrosRequest(distros, command.parse(args, { from: 'user' }).opts<RequestFlags>());
}

/** What a person reads when the flags are refused. */
function refusal(distros: readonly string[], ...args: readonly string[]): string {
  try {
    parse(distros, ...args);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.message;
    if (thrown instanceof BtfmillError && thrown.code === 'usage') return thrown.message;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

describe('--distro', () => {
  it('takes names, all of them under one, and each once', () => {
    expect(distroNames('debian', undefined)).toEqual(['debian']);
    expect(distroNames('all', undefined)).toEqual(crawlerNames());
    expect(distroNames('all', ['debian'])).toEqual([
      'debian',
      ...crawlerNames().filter((name) => name !== 'debian'),
    ]);
    expect(distroNames('debian', ['debian'])).toEqual(['debian']);
  });

  it.each(['', 'Debian', 'slackware'])('refuses %j and says what there is', (name) => {
    expect(() => distroNames(name, undefined)).toThrow(/There is .*debian.*, and all\./u);
  });
});

describe('--arch', () => {
  it('takes any name of an architecture, for all distributions', () => {
    const args = ['aarch64', 'arm64', 'amd64', 'x86-64', 'ppc64el'].flatMap((name) => ['--arch', name]);
    expect(parse(['debian', 'fedora'], ...args).request.archs).toEqual(['arm64', 'x86_64', 'ppc64le']);
  });

  it('refuses what is none', () => {
    expect(refusal(['debian'], '--arch', 'vax')).toMatch(/--arch.*vax.*s390x/u);
  });
});

describe('--mirror', () => {
  it('is the only distribution’s when there is one', () => {
    expect(parse(['debian'], '--mirror', 'http://M.test/debian/').mirrors).toEqual({
      debian: 'http://m.test/debian',
    });
  });

  it('names its distribution, with a URL that may look like anything', () => {
    expect(parse(['amzn', 'debian'], '--mirror', 'debian=http://m.test/a=b/c').mirrors).toEqual({
      debian: 'http://m.test/a=b/c',
    });
  });

  it.each<[string, string[], string[], RegExp]>([
    ['of no one', ['amzn', 'debian'], ['http://m.test'], /--mirror amzn=http:\/\/m\.test/u],
    ['of one that is not crawled', ['amzn'], ['debian=http://m.test'], /debian is not among amzn/u],
    ['of one that does not exist', ['debian'], ['slackware=http://m.test'], /no distribution slackware/u],
    ['twice', ['debian'], ['http://m.test', 'debian=http://n.test'], /one for debian already/u],
    ['that is no URL', ['debian'], ['debian=m.test/debian'], /m\.test\/debian is no http/u],
    ['by rsync', ['debian'], ['rsync://m.test/debian'], /no http/u],
    ['that is empty', ['debian'], ['debian='], /no http/u],
  ])('%s is refused, with a word on how it should be', (_what, distros, mirrors, expected) => {
    expect(refusal(distros, ...mirrors.flatMap((mirror) => ['--mirror', mirror]))).toMatch(expected);
  });
});

it('has room for everything else', () => {
  const flags = [
    '--release',
    '12',
    '--release',
    '39',
    '--variant',
    'debug',
    '--keyring',
    'k',
    '--allow-expired',
  ];
  expect(parse(['debian'], ...flags)).toEqual({
    distros: ['debian'],
    mirrors: {},
    request: {
      releases: ['12', '39'],
      archs: [],
      kernels: [],
      variants: ['debug'],
      keyrings: ['k'],
      allowExpired: true,
      insecure: false,
    },
  });
});
