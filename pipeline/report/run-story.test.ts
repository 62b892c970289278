/** What a run says of packages that came in place of others, and of those that went. */

import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { PackageDigest } from '../../crawlers/types.ts';
import { openRecord } from '../../db/index.ts';
import { debugPackage } from '../../test/support/debug-package.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { renderRunMarkdown } from './run-markdown.ts';
import { type RunStory, tellRun } from './run-story.ts';

const OLD: PackageDigest = `sha256:${'a'.repeat(64)}`;
const NEW: PackageDigest = `sha256:${'b'.repeat(64)}`;

interface Seen {
  readonly kernel: string;
  readonly digest?: PackageDigest;
}

interface Run {
  readonly asked?: string;
  readonly packages: readonly Seen[] | undefined;
}

/** A run an hour for each list of packages: what the one suite had, as `asked`; undefined where it could not be read. */
async function tell(...runs: readonly Run[]): Promise<RunStory> {
  const record = openRecord(join(await tempDirForTest('story'), 'record.sqlite'));
  onTestFinished(() => record.close());
  let newest = 0;
  for (const [hour, { asked = '', packages }] of runs.entries()) {
    const at = `2026-11-20T${String(hour).padStart(2, '0')}:00:00.000Z`;
    const runId = record.runs.start({ startedAt: at, btfmillVersion: '0.1.0', options: {} });
    const read = { runId, at, asked, distro: 'debian', release: '12', suite: 'bookworm', arch: 'x86_64' };
    const failure = { code: 'http-status', message: 'answered 500' };
    record.indexReads.add(
      packages === undefined ? { ...read, ...failure } : { ...read, kernels: packages.length },
    );
    for (const { kernel, digest = OLD } of packages ?? []) {
      const pkg = { ...debugPackage(kernel), suite: 'bookworm', digest };
      record.packages.see(pkg, at);
      record.kernels.ensure(pkg, at);
    }
    newest = runId;
  }
  return tellRun(record, newest) as RunStory;
}

const [A, B, C] = ['6.1.0-1-amd64', '6.1.0-2-amd64', '6.1.0-3-amd64'].map((kernel) => ({ kernel }));
const pathOf = ({ kernel }: Seen): string => `debian/12/x86_64/${kernel}.btf.tar.xz`;

it('names what was replaced and what has gone, and nothing else', async () => {
  const story = await tell({ packages: [A, B] }, { packages: [{ ...A, digest: NEW }, C] });
  expect(story.replaced).toMatchObject([{ path: pathOf(A), digest: NEW, state: 'pending' }]);
  expect(story.vanished).toMatchObject([{ path: pathOf(B), digest: OLD }]);
  const markdown = renderRunMarkdown(story);
  expect(markdown).toContain('| packages replaced | 1 |');
  expect(markdown).toMatch(
    /## No longer on the mirror\n\n- `debian\/12\/x86_64\/6\.1\.0-2-amd64\.btf\.tar\.xz`/u,
  );
});

it.each<[string, readonly Run[]]>([
  ['a first run', [{ packages: [A, B] }]],
  ['the same packages again', [{ packages: [A, B] }, { packages: [A, B] }]],
  ['what had gone before', [{ packages: [A, B] }, { packages: [A] }, { packages: [A] }]],
  ['a suite that could not be read', [{ packages: [A, B] }, { packages: undefined }]],
  ['what was not asked for', [{ packages: [A, B] }, { asked: '6.1.0-1-*', packages: [A] }]],
])('%s says nothing', async (_, runs) => {
  expect(await tell(...runs)).toMatchObject({ replaced: [], vanished: [] });
});

it('what goes while the suite cannot be read is told by the run that reads it again', async () => {
  const story = await tell({ packages: [A, B] }, { packages: undefined }, { packages: [A] });
  expect(story.vanished).toMatchObject([{ path: pathOf(B) }]);
});
