/** A distribution's mirror on the local internet, and places to crawl it into: what those end-to-end suites start from. */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import type { BuildMirrorOptions, BuiltMirror } from '../mirrors/built-mirror.ts';
import { buildKernels, KERNEL_TOOLS, type MirrorKernels } from '../mirrors/kernels.ts';
import { RPM_TOOLS } from '../mirrors/rpm-package.ts';
import { REPOSITORY_TOOLS } from '../mirrors/rpm-repository.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { convertBytes } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';
import { paholeBtf } from '../support/pahole.ts';
import { runBtfmill } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { archiveMembers, type Crawl, readCrawl, treeOf } from './site.ts';

/** For `needsTool`. */
export const RPM_E2E_TOOLS: readonly string[] = [
  ...KERNEL_TOOLS,
  ...RPM_TOOLS,
  ...REPOSITORY_TOOLS,
  ...INTERNET_TOOLS,
  'gpgv',
  'flock',
];

export interface InternetSite {
  readonly archive: string;
  /** The record's file. */
  readonly record: string;
  /** Runs `crawl --distro <it> --json` with the mirror's keyring, unless `keyrings` says which. */
  crawl(words: readonly string[], keyrings?: readonly string[]): Promise<Crawl>;
  /** Archive paths without `.btf.tar.xz`, sorted. */
  published(): Promise<string[]>;
}

export interface World<M extends BuiltMirror> {
  readonly folder: string;
  readonly mirror: M;
  readonly internet: Internet;
  readonly kernels: MirrorKernels;
  readonly signer: Signer;
  /** Signs things that nobody trusts. */
  readonly stranger: Signer;
  /** A fresh site, on an internet where nothing is wrong any more. */
  newSite(): Promise<InternetSite>;
  close(): Promise<void>;
}

export async function startWorld<M extends BuiltMirror>(
  distro: string,
  build: (options: BuildMirrorOptions) => Promise<M>,
): Promise<World<M>> {
  const folder = await makeTempDir(`e2e-${distro}`);
  const kernels = await buildKernels(folder);
  const signer = await createSigner(join(folder, 'ours'), 0, 'rsa2048');
  const stranger = await createSigner(join(folder, 'theirs'), 0, 'rsa2048');
  const mirror = await build({ folder: join(folder, 'hosts'), signer, kernels });
  const internet = await startInternet(join(folder, 'authority'), mirror.hosts);
  let sites = 0;
  return {
    folder,
    mirror,
    internet,
    kernels,
    signer,
    stranger,
    async newSite() {
      internet.reset();
      internet.serveAll(mirror.hosts);
      const home = join(folder, `site${sites++}`);
      await mkdir(home);
      const [archive, record] = [join(home, 'archive'), join(home, 'record.sqlite')];
      const places = ['--archive', archive, '--db', record, '--cache', join(home, 'cache')];
      return {
        archive,
        record,
        async crawl(words, keyrings = [mirror.keyring]) {
          const keys = keyrings.flatMap((keyring) => ['--keyring', keyring]);
          const args = ['crawl', '--distro', distro, ...keys, ...places, '--json', ...words];
          return readCrawl(await runBtfmill(args, { cwd: home, env: internet.env, timeoutMs: 120_000 }));
        },
        async published() {
          return Object.keys(await treeOf(archive))
            .filter((path) => path.endsWith('.btf.tar.xz'))
            .map((path) => path.replace('.btf.tar.xz', ''))
            .sort();
        },
      };
    },
    async close() {
      await internet.close();
      await signer.close();
      await stranger.close();
      await removeDir(folder);
    },
  };
}

/** `<suite> <release> <code>` of every repository that could not be read. */
export function indexFailures({ events }: Crawl): string[] {
  return events
    .filter(({ event }) => event === 'index.failed')
    .map(({ suite, release, code }) => `${String(suite)} ${String(release)} ${String(code)}`);
}

/** `ok` or the error's code by kernel. */
export function outcomes({ done }: Crawl): Record<string, string> {
  return Object.fromEntries([...done].map(([kernel, { code }]) => [kernel, code ?? 'ok']));
}

/** That what was published of each kernel is the BTF of the vmlinux that its package was made with. */
export async function expectOwnBtf(site: InternetSite, mirror: BuiltMirror): Promise<void> {
  const paths = await site.published();
  if (paths.length === 0) throw new Error('nothing was published');
  for (const path of paths) {
    const kernel = mirror.kernels.find(({ key }) => key === path);
    if (kernel === undefined) throw new Error(`${path} is none of the mirror's kernels`);
    const [{ data }] = await archiveMembers(join(site.archive, `${path}.btf.tar.xz`));
    const isNative = kernel.vmlinux.endsWith('native');
    const expected = isNative
      ? await paholeBtf(kernel.vmlinux)
      : convertBytes(await readFile(kernel.vmlinux));
    expectSameBytes(data, expected);
  }
}
