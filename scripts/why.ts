/** `btfmill why`: a kernel's whole story. */

import type { Command } from 'commander';
import { openRecord } from '../db/index.ts';
import { BtfmillError } from '../errors/index.ts';
import { findKernels, type KernelStory, tellKernel } from '../pipeline/report/kernel-story.ts';
import { DEFAULT_DB } from './cli/flags.ts';
import { palette, wantsColor } from './ui/color.ts';
import { renderKernelStory } from './ui/kernel-story.ts';

const HELP = `
Examples:
  npm run btfmill -- why 6.1.0-50-cloud-amd64
  npm run btfmill -- why 'debian/12/x86_64/6.1.0-5?-*'
  npm run --silent btfmill -- why --json 6.1.0-50-cloud-amd64 | jq '.kernels[].attempts[-1].message'

Where it came from, every attempt with its error, what it was compared with, what is published, and what the next run
will do with it.`;

interface WhyFlags {
  readonly db: string;
  readonly json?: boolean;
  readonly color: boolean;
}

export function registerWhy(program: Command): void {
  const command = program
    .command('why')
    .argument('<kernel>', 'uname -r or archive path, or a pattern of either')
    .description("tell a kernel's whole story")
    .option('--db <file>', 'SQLite record', DEFAULT_DB)
    .option('--json', 'print one JSON object');
  command.addHelpText('after', HELP).action((pattern: string) => {
    const flags = command.optsWithGlobals<WhyFlags>();
    const stories = tell(pattern, flags.db);
    if (flags.json) {
      process.stdout.write(`${JSON.stringify({ v: 1, kernels: stories })}\n`);
      return;
    }
    const paint = palette(wantsColor(process.stdout, process.env, flags.color));
    process.stdout.write(stories.map((story) => renderKernelStory(story, paint)).join('\n'));
  });
}

function tell(pattern: string, db: string): KernelStory[] {
  const record = openRecord(db, { mustExist: true, forQueries: true });
  try {
    const kernels = findKernels(record, pattern);
    if (kernels.length === 0) {
      throw new BtfmillError(
        'usage',
        `the record knows no kernel ${pattern}: no index has named it, and no archive was imported with it`,
      );
    }
    const now = new Date();
    return kernels.map((kernel) => tellKernel(record, kernel, now));
  } finally {
    record.close();
  }
}
