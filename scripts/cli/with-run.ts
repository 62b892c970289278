/** What a run works with: the record, the way out to mirrors, and the real steps; closed at its end, however it ends. */

import { createHttpClient, type HttpProxies } from '../../crawlers/http/client.ts';
import type { BtfRecord } from '../../db/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import type { RunDeps, RunOptions } from '../../pipeline/run-types.ts';
import { createSteps } from '../../pipeline/steps.ts';
import type { RunReporter } from '../ui/run-reporter.ts';
import type { StopSignal } from './stop-signal.ts';
import { readToolVersions } from './tool-versions.ts';

export interface RunSetup {
  readonly openRecord: () => BtfRecord;
  readonly options: RunOptions;
  readonly proxies?: HttpProxies;
  readonly reporter: RunReporter;
  readonly stop: StopSignal;
}

/** Throws `tool-missing` without xz, before anything is fetched, what `openRecord` throws, and what `work` throws. */
export async function withRun<Result>(
  { openRecord, options, proxies, reporter, stop }: RunSetup,
  work: (deps: RunDeps) => Promise<Result>,
): Promise<Result> {
  const toolVersions = await readToolVersions();
  if (toolVersions.xz === undefined && !options.dryRun) {
    // Each kernel would say so by itself, when its package has been fetched.
    throw new BtfmillError(
      'tool-missing',
      'xz is not installed (scripts/setup.sh installs it): nothing can be stored',
    );
  }
  const record = openRecord();
  const http = createHttpClient({
    userAgent: `btfmill/${toolVersions.btfmill} (kernel debug package crawler)`,
    ...(proxies === undefined ? {} : { proxies }),
  });
  try {
    return await work({
      record,
      steps: createSteps({ http, validators: record.validators, options }),
      toolVersions,
      now: () => new Date(),
      emit: reporter.take,
      signal: stop.signal,
      stoppedExitCode: stop.exitCode,
    });
  } finally {
    await http.close();
    record.close();
  }
}
