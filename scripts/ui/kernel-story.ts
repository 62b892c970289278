/** A kernel's story as a page on the terminal. */

import { archivePath } from '../../pipeline/archive-path.ts';
import type { AttemptStory, KernelStory } from '../../pipeline/report/kernel-story.ts';
import type { Palette } from './color.ts';
import { formatBytes, formatDuration, oneLine } from './format.ts';

export function renderKernelStory(story: KernelStory, paint: Palette): string {
  const { kernel, outlook } = story;
  const state =
    kernel.state === 'failed' ? paint.red(`failed (${kernel.code ?? ''})`) : paint.bold(kernel.state);
  const lines = [
    paint.bold(archivePath(kernel)),
    `  ${state} since ${kernel.changedAt}${kernel.reason === undefined ? '' : `: ${oneLine(kernel.reason)}`}`,
    `  ${outlook}`,
    ...publication(story),
    ...packages(story),
    ...story.attempts.flatMap((attempt) => attemptLines(attempt, paint)),
  ];
  return `${lines.join('\n')}\n`;
}

function publication({ kernel }: KernelStory): string[] {
  if (kernel.tarSha256 === undefined) return [];
  const signer = kernel.signer === undefined ? '' : `, signed by ${kernel.signer}`;
  const facts = [
    `  published ${kernel.publishedAt ?? ''}: ${formatBytes(kernel.tarSizeBytes ?? 0)}, SHA-256 ${kernel.tarSha256}`,
    `    BTF: ${kernel.typeCount ?? 0} types, ${formatBytes(kernel.btfSizeBytes ?? 0)}, SHA-256 ${kernel.btfSha256 ?? ''}`,
    `    source ${kernel.source ?? ''}, trust ${kernel.trust ?? 'unknown'}${signer}, profile ${kernel.profile ?? 'unknown'}, name known by ${kernel.nameProof ?? 'its file name'}`,
  ];
  return kernel.buildId === undefined ? facts : [...facts, `    build id ${kernel.buildId}`];
}

function packages({ packages: seen, isOnMirror }: KernelStory): string[] {
  return seen.flatMap((pkg, index) => {
    const gone = index === 0 && isOnMirror === false ? ', no longer on the mirror' : '';
    return [
      `  package ${pkg.packageName} ${pkg.packageVersion} (${pkg.suite}, ${formatBytes(pkg.sizeBytes)})`,
      `    ${oneLine(pkg.url)}`,
      `    seen from ${pkg.firstSeen} to ${pkg.lastSeen}${gone}; index trust ${pkg.trust}`,
    ];
  });
}

function attemptLines(attempt: AttemptStory, paint: Palette): string[] {
  const { runId, startedAt, outcome, code, message, retryAfter, timings, crossChecks, fetchedBytes } =
    attempt;
  const ended = outcome ?? 'under way, or killed';
  const shown = outcome === 'failed' ? paint.red(`failed: ${code ?? ''}`) : ended;
  const steps = timings.map(({ step, milliseconds }) => `${step} ${formatDuration(milliseconds)}`).join(', ');
  return [
    `  ${startedAt}  run ${runId}: ${shown}${message === undefined ? '' : `: ${oneLine(message)}`}`,
    ...(steps === '' ? [] : [`    ${steps}; ${formatBytes(fetchedBytes ?? 0)} fetched`]),
    ...crossChecks.map(({ against, verdict }) => `    compared with ${against}: ${verdict}`),
    ...(retryAfter === undefined ? [] : [`    not again before ${retryAfter}`]),
  ];
}
