/** `btfmill report`: what a run did. */

import { type Command, InvalidArgumentError } from 'commander';
import { type BtfRecord, openRecord, type RunRow } from '../db/index.ts';
import { BtfmillError } from '../errors/index.ts';
import { renderRunMarkdown } from '../pipeline/report/run-markdown.ts';
import { tellRun } from '../pipeline/report/run-story.ts';
import { DEFAULT_DB, positiveInteger } from './cli/flags.ts';
import { palette, wantsColor } from './ui/color.ts';
import { renderTable } from './ui/table.ts';

const HELP = `
Examples:
  npm run btfmill -- report                # the newest run
  npm run btfmill -- report 17
  npm run btfmill -- report --list
  npm run --silent btfmill -- report --json | jq '.failed[].code'

Markdown, told from the record: new, recovered and failed kernels with code and message, and what became of each index.`;

const LISTED_RUNS = 30;

interface ReportFlags {
  readonly db: string;
  readonly list?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

export function registerReport(program: Command): void {
  const command = program
    .command('report')
    .argument('[run]', 'number of the run; the newest when left out', runNumber)
    .description('tell what a run did: new, recovered and failed kernels, and why')
    .option('--db <file>', 'SQLite record', DEFAULT_DB)
    .option('--list', `list the newest ${LISTED_RUNS} runs instead`)
    .option('--json', 'print one JSON object');
  command.addHelpText('after', HELP).action((run: number | undefined) => {
    const flags = command.optsWithGlobals<ReportFlags>();
    const record = openRecord(flags.db, { mustExist: true, forQueries: true });
    try {
      process.stdout.write(flags.list ? listRuns(record, flags) : reportRun(record, run, flags));
    } finally {
      record.close();
    }
  });
}

function runNumber(text: string): number {
  try {
    return positiveInteger(text);
  } catch {
    throw new InvalidArgumentError('It must be the number of a run; --list shows them.');
  }
}

function reportRun(record: BtfRecord, run: number | undefined, { json }: ReportFlags): string {
  const id = run ?? record.runs.latest()?.id;
  const story = id === undefined ? undefined : tellRun(record, id);
  if (story === undefined) {
    throw new BtfmillError(
      'usage',
      id === undefined ? 'the record knows no run' : `the record knows no run ${id}`,
    );
  }
  return json ? `${JSON.stringify({ v: 1, ...story })}\n` : renderRunMarkdown(story);
}

function listRuns(record: BtfRecord, { json, color }: ReportFlags): string {
  const runs = record.runs.newest(LISTED_RUNS);
  if (json) return `${JSON.stringify({ v: 1, runs })}\n`;
  if (runs.length === 0) return 'no runs\n';
  const right = { align: 'right' as const };
  const columns = [
    { title: 'run', ...right },
    { title: 'started' },
    { title: 'end' },
    { title: 'published', ...right },
    { title: 'failed', ...right },
  ];
  const rows = runs.map((run) => [
    String(run.id),
    run.startedAt,
    endOf(run),
    String(run.published ?? ''),
    String(run.failed ?? ''),
  ]);
  return renderTable(columns, rows, palette(wantsColor(process.stdout, process.env, color)).bold);
}

function endOf({ finishedAt, exitCode }: RunRow): string {
  return finishedAt === undefined ? 'not finished' : `exit code ${exitCode ?? 0}`;
}
