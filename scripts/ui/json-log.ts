/** A run as log lines for machines: JSON on stderr, which journald and its like collect. */

import { destination, type LevelWithSilent, pino } from 'pino';
import type { RunEvent } from '../../pipeline/run-types.ts';
import { EVENT_VERSION, jsonRecordsOf } from './json-events.ts';
import type { RunReporter } from './run-reporter.ts';

/**
 * One line per event, at level `debug` for single steps; each has the number of the run as soon as that is known.
 * @param fd descriptor to write to
 */
export function createJsonLog(fd: number, level: LevelWithSilent): RunReporter {
  // Synchronous: a line is there when the process is killed right after it.
  const output = destination({ fd, sync: true });
  // Nobody reads it any more, or its disk is full: there is nowhere to tell of it, and work goes on.
  output.on('error', () => {});
  const log = pino(
    {
      level,
      base: { v: EVENT_VERSION },
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  let run: number | undefined;
  return {
    take(event) {
      if (event.event === 'run.started') run = event.runId;
      for (const record of jsonRecordsOf(event, false)) {
        log[levelOf(event)]({ ...(run === undefined ? {} : { run }), event: record.event, ...record.fields });
      }
    },
    say(line) {
      log.info({ ...(run === undefined ? {} : { run }), event: 'note' }, line);
    },
    close() {},
  };
}

function levelOf(event: RunEvent): 'debug' | 'info' | 'warn' | 'error' {
  switch (event.event) {
    case 'kernel.step':
    case 'kernel.waiting':
      return 'debug';
    case 'kernel.done':
      return event.done.outcome === 'failed' ? 'warn' : 'info';
    case 'warning':
    case 'index.failed':
      return 'warn';
    case 'publish.failed':
      return 'error';
    default:
      return 'info';
  }
}
