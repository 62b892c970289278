/** `btfmill mirror`: a verified copy of somebody's published archive, or of part of it. */

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { createHttpClient } from '../crawlers/http/client.ts';
import { hasCredentials } from '../crawlers/mirror.ts';
import { BtfmillError, EXIT } from '../errors/index.ts';
import { lockFolder } from '../pipeline/lock.ts';
import { mirrorArchive, type MirrorReport } from '../pipeline/publish/mirror.ts';
import type { Plane } from '../pipeline/publish/names.ts';
import { collect, positiveInteger } from './cli/flags.ts';
import { findPublicKey } from './cli/signing-key.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { readVersion } from './cli/version.ts';
import { formatBytes, plural } from './ui/format.ts';
import { createLiveBlock } from './ui/live-block.ts';

const HELP = `
Examples:
  npm run mirror -- https://btf.example/archive /srv/btf --public-key RWRD…
  npm run mirror -- https://btf.example/archive /srv/btf --public-key btfmill.key.pub --distro debian --arch arm64

Everything is verified before it gets its name: the signature over the timestamp, its age, that the source does not go
back behind what was seen of it, and the digest of every file. The same command brings a copy up to date, and goes on
where it was cut off. A copy of a part (--distro, --release, --arch, --since) has no lists of the whole; it can be
made larger later, not smaller. A file that the source lacks or has damaged does not keep back the others. A folder that
holds another archive is left alone.

Exit codes: ${EXIT.ok} the copy is complete, ${EXIT.usage} bad flags, or the folder has a copy of more than that, ${EXIT.upstreamUnreachable} the source cannot be
reached or lacks a file, ${EXIT.integrity} a signature, serial or digest is wrong, ${EXIT.locked} another run is at it, 130/143 stopped by a signal.`;

interface MirrorFlags {
  readonly publicKey: string;
  readonly distro?: readonly string[];
  readonly release?: readonly string[];
  readonly arch?: readonly string[];
  readonly since?: number;
  readonly allowExpired?: boolean;
  readonly recheck?: boolean;
  readonly jobs: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function registerMirror(program: Command): void {
  const command = program
    .command('mirror')
    .argument('<url>', 'the published archive: what has timestamp.json', sourceUrl)
    .argument('<dir>', 'folder of the copy, created when missing')
    .description('copy a published archive, or part of it, and verify every file')
    .requiredOption('--public-key <key>', "the archive's minisign public key, or the file that holds it")
    .option('--distro <name>', 'only this distribution (repeatable)', collect)
    .option('--release <id>', 'only this release (repeatable)', collect)
    .option('--arch <name>', 'only this architecture (repeatable)', collect)
    .option('--since <serial>', 'only kernels that this serial or a later one added', positiveInteger)
    .option('--allow-expired', 'copy an archive whose timestamp has run out')
    .option('--recheck', 'read every file that is there already, and fetch it again if it has changed')
    .option('-j, --jobs <n>', 'files fetched at once', positiveInteger, 3)
    .option('--json', 'print one JSON object')
    .option('-q, --quiet', 'no progress and no summary');
  command.addHelpText('after', HELP).action(async (url: string, dir: string) => {
    process.exitCode = await mirror(url, resolve(dir), command.optsWithGlobals<MirrorFlags>());
  });
}

function sourceUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/u.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('It must be an http or https address.');
  }
  return url.href.replace(/\/+$/u, '');
}

/** Returns the exit code. */
async function mirror(base: string, dir: string, flags: MirrorFlags): Promise<number> {
  if (hasCredentials(new URL(base))) {
    // They would be sent to nobody, but shown in every message.
    throw new BtfmillError('usage', `the URL of ${new URL(base).host} holds a user name or a password`);
  }
  const publicKey = await findPublicKey(flags.publicKey);
  await mkdir(dir, { recursive: true });
  const lock = await lockFolder(dir, `the copy ${dir}`);
  const isLive = process.stderr.isTTY && process.env.TERM !== 'dumb' && !flags.quiet;
  let progress = '';
  const live = isLive
    ? createLiveBlock(process.stderr, (width) => (progress === '' ? [] : [progress.slice(0, width)]))
    : undefined;
  const stop = listenForStop(() => {
    process.stderr.write('stopping: what is copied stays, the same command goes on from here\n');
  });
  const http = createHttpClient({
    userAgent: `btfmill/${readVersion()} (archive mirror)`,
    connectionsPerHost: flags.jobs,
  });
  try {
    const report = await mirrorArchive({
      source: { base, http, signal: stop.signal },
      dir,
      publicKey,
      isWanted: (plane) => isWanted(plane, flags),
      ...(flags.since === undefined ? {} : { since: flags.since }),
      allowExpired: flags.allowExpired ?? false,
      recheck: flags.recheck ?? false,
      jobs: flags.jobs,
      now: () => new Date(),
      onProgress: ({ files, of, bytes }) => {
        progress = `${files} of ${of} files, ${formatBytes(bytes)} fetched`;
      },
    });
    live?.close();
    print(report, flags);
    return EXIT.ok;
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    return stop.exitCode();
  } finally {
    live?.close();
    stop.release();
    await http.close();
    await lock.release();
  }
}

function isWanted({ distro, release, arch }: Plane, flags: MirrorFlags): boolean {
  return (
    (flags.distro?.includes(distro) ?? true) &&
    (flags.release?.includes(release) ?? true) &&
    (flags.arch?.includes(arch) ?? true)
  );
}

function print(report: MirrorReport, { json, quiet }: MirrorFlags): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ v: 1, ...report })}\n`);
    return;
  }
  if (quiet) return;
  const { serial, kernels, fetched, fetchedBytes, expires } = report;
  process.stdout.write(
    `serial ${serial}: ${plural(kernels, 'kernel')}, ${fetched} fetched (${formatBytes(fetchedBytes)}), holds until ${expires}\n`,
  );
}
