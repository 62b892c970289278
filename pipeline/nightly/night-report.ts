/** The two files that a night leaves for people and programs: `run-<id>.md` and `run-<id>.json`. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BtfRecord } from '../../db/index.ts';
import { writeFileAtomically } from '../atomic-write.ts';
import type { PublishReport } from '../publish/publish.ts';
import { renderRunMarkdown } from '../report/run-markdown.ts';
import { tellRun } from '../report/run-story.ts';
import type { RunReport } from '../run-types.ts';
import { renderNightMarkdown } from './night-markdown.ts';

/** What the record does not know of a night. */
export interface NightEnd {
  /** Absent when the run broke. */
  readonly run?: RunReport;
  readonly published?: PublishReport;
  /** Why the run broke, or publishing failed. */
  readonly failure?: { readonly code: string; readonly message: string };
  readonly exitCode: number;
}

/** Paths of the files. Nothing when the record has no such run. */
export async function writeNightReport(
  folder: string,
  record: BtfRecord,
  runId: number,
  night: NightEnd,
): Promise<readonly string[]> {
  const story = tellRun(record, runId);
  if (story === undefined) return [];
  await mkdir(folder, { recursive: true });
  const name = join(folder, `run-${runId}`);
  const markdown = renderRunMarkdown(story) + renderNightMarkdown(night);
  const json = { v: 1, ...story, night };
  await writeFileAtomically(`${name}.md`, Buffer.from(markdown));
  await writeFileAtomically(`${name}.json`, Buffer.from(`${JSON.stringify(json)}\n`));
  return [`${name}.md`, `${name}.json`];
}
