/** Sends a run's events where they belong: data to stdout, talk and progress to stderr. */

import type { RunEvent } from '../../pipeline/run-types.ts';
import { palette, wantsColor } from './color.ts';
import { eventLine, isProblem } from './event-lines.ts';
import { jsonLinesOf } from './json-events.ts';
import { createLiveBlock, type Terminal } from './live-block.ts';
import { progressLines } from './progress-lines.ts';
import { createProgressModel } from './progress-model.ts';
import { renderPlan, renderSummary } from './summary.ts';

/** A stream as process.stdout and process.stderr are. */
export interface OutputStream extends Terminal {
  readonly isTTY?: boolean | undefined;
}

export interface ReporterOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
  /** Problems only. */
  readonly quiet: boolean;
  /** False for `--no-color`. */
  readonly color: boolean;
  readonly dryRun: boolean;
  /** Takes everything that would go to stderr. */
  readonly log?: Pick<RunReporter, 'take' | 'say'>;
}

export interface RunReporter {
  readonly take: (event: RunEvent) => void;
  /** A line of talk that is no event; `--quiet` does not hide it. */
  readonly say: (line: string) => void;
  /** Takes the live display away; needed before anything else is written to the terminal. */
  readonly close: () => void;
}

export function createRunReporter(options: ReporterOptions): RunReporter {
  const { stdout, stderr, env, json, quiet, color, dryRun, log } = options;
  const talkPaint = palette(wantsColor(stderr, env, color));
  const dataPaint = palette(wantsColor(stdout, env, color));
  const model = createProgressModel();
  const isLive = stderr.isTTY === true && env.TERM !== 'dumb' && !quiet && !dryRun && log === undefined;
  const live = isLive
    ? createLiveBlock(stderr, (width) => progressLines(model, performance.now(), width, talkPaint))
    : undefined;

  function say(line: string): void {
    if (log !== undefined) log.say(line);
    else if (live === undefined) stderr.write(`${line}\n`);
    else live.log(line);
  }

  function talk(event: RunEvent): void {
    if (log !== undefined) {
      log.take(event);
      return;
    }
    if (quiet && !isProblem(event)) return;
    const line = eventLine(event, talkPaint);
    if (line !== undefined) say(line);
  }

  /** Without `--json`, the plan of a dry run and the summary are what the command is asked for. */
  function tables(event: RunEvent): void {
    if (event.event === 'plan' && dryRun && !json) stdout.write(renderPlan(event, dataPaint));
    if (event.event !== 'run.finished') return;
    live?.close();
    if (dryRun || quiet || log !== undefined) return;
    if (json) stderr.write(renderSummary(event.report, talkPaint));
    else stdout.write(renderSummary(event.report, dataPaint));
  }

  return {
    say,
    close: () => live?.close(),
    take(event) {
      model.take(event, performance.now());
      if (json) {
        for (const line of jsonLinesOf(event, new Date(), dryRun)) stdout.write(`${line}\n`);
      }
      talk(event);
      tables(event);
    },
  };
}
