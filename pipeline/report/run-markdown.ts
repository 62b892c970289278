/** A run's story for people: a page that can be read in a mail, a job summary or a terminal. */

import type { IndexRead } from '../../db/index.ts';
import type { KernelLine, PackageLine, RunStory } from './run-story.ts';

/** More lines of one kind than this help nobody; the JSON report has them all. */
const MAX_LINES = 200;

export function renderRunMarkdown(story: RunStory): string {
  const { run } = story;
  const parts = [
    `# Run ${run.id}`,
    '',
    `Started ${run.startedAt}, ${run.finishedAt === undefined ? 'not finished (under way, or killed)' : `finished ${run.finishedAt}, exit code ${run.exitCode ?? 0}`}, btfmill ${run.btfmillVersion}.`,
    '',
    ...failure(run.failure),
    ...counts(story),
    ...kernels('Failed', story.failed, whyLine),
    ...indexFailures(story.indexFailures),
    ...kernels('Recovered: failed before, published now', story.recovered, pathLine),
    ...kernels('New', story.published, pathLine),
    ...list('Completed: published by an earlier run that was killed', story.completed.map(code)),
    ...list('Package replaced on the mirror', story.replaced.map(packageLine)),
    ...list('No longer on the mirror', story.vanished.map(packageLine)),
    ...kernels('Without debug information', story.noDebugInfo, pathLine),
    ...kernels('Interrupted', story.interrupted, pathLine),
    ...indexes(story.indexes),
  ];
  return `${parts.join('\n')}\n`;
}

function failure(what: RunStory['run']['failure']): string[] {
  if (what === undefined) return [];
  return [`It did not do all that it was to do: **${plain(what.code)}**: ${plain(what.message)}`, ''];
}

function counts({
  run,
  published,
  recovered,
  failed,
  noDebugInfo,
  replaced,
  vanished,
  failedByCode,
  indexFailures,
}: RunStory): string[] {
  const rows: [string, string][] = [
    ['new', String(published.length)],
    ['recovered', String(recovered.length)],
    ['published before', String(run.alreadyPublished ?? 0)],
    ['failed', withCodes(failed.length, failedByCode)],
    ['without debug information', String(noDebugInfo.length)],
    ['packages replaced', String(replaced.length)],
    ['no longer on the mirror', String(vanished.length)],
    ['indexes that failed', String(indexFailures.length)],
    ['package bytes fetched', String(run.fetchedBytes ?? 0)],
    ['index bytes fetched', String(run.indexBytes ?? 0)],
  ];
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`), ''];
}

function withCodes(total: number, byCode: Readonly<Record<string, number>>): string {
  const codes = Object.entries(byCode).map(([name, count]) => `${count} ${name}`);
  return codes.length === 0 ? String(total) : `${total} (${codes.join(', ')})`;
}

function kernels(
  title: string,
  lines: readonly KernelLine[],
  render: (line: KernelLine) => string,
): string[] {
  return list(title, lines.map(render));
}

function list(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length - MAX_LINES;
  const shown = lines.slice(0, MAX_LINES).map((line) => `- ${line}`);
  return [`## ${title}`, '', ...shown, ...(more > 0 ? [`- … and ${more} more`] : []), ''];
}

function pathLine({ path }: KernelLine): string {
  return code(path);
}

function packageLine({ path, packageName, packageVersion, state }: PackageLine): string {
  return `${code(path)}, ${state}: ${code(`${packageName} ${packageVersion}`)}`;
}

function whyLine({ path, code: errorCode = 'unexpected', message = '', retryAfter }: KernelLine): string {
  const when = retryAfter === undefined ? 'the next run tries again' : `not tried again before ${retryAfter}`;
  return `${code(path)}: **${errorCode}**: ${plain(message)} (${when})`;
}

function indexFailures(reads: readonly IndexRead[]): string[] {
  return list(
    'Indexes that could not be read',
    reads.map(
      ({ distro, release, suite, code: errorCode = '', message = '' }) =>
        `${code(`${distro}/${release} ${suite}`)}: **${errorCode}**: ${plain(message)}`,
    ),
  );
}

function indexes(reads: readonly IndexRead[]): string[] {
  if (reads.length === 0) return [];
  const rows = reads.map(
    ({ distro, release, suite, arch = '', trust = '', madeAt = '', kernels: count = 0 }) =>
      `| ${distro}/${release}/${arch} | ${cell(suite)} | ${trust} | ${madeAt} | ${count} |`,
  );
  return [
    '## Indexes',
    '',
    '| plane | suite | trust | made | kernels |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ];
}

/** What upstream wrote may be in it: nothing that Markdown, HTML or a terminal would act on. */
export function plain(text: string): string {
  return text
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/\p{Cc}/gu, '')
    .replaceAll(/[\\`*_[\]<>|#~]/gu, '\\$&')
    .trim();
}

function code(text: string): string {
  return `\`${text.replaceAll(/[`\p{Cc}]/gu, '?')}\``;
}

function cell(text: string): string {
  return plain(text);
}
