/**
 * What one process costs from start to end: wall time, CPU time, peak memory, as the kernel counted them.
 *
 * wait4(2) tells all three of exactly one child and those it waited for, at its end; Node shows neither that nor
 * RUSAGE_CHILDREN, and sampling /proc misses the peak that matters. So a launcher of a few lines waits in our place.
 * It also keeps our own memory out of the figure: a process starts with the peak of the one that it was forked from.
 */

import { execa } from 'execa';
import { BtfmillError } from '../../errors/index.ts';

export interface Cost {
  readonly wallSeconds: number;
  /** User and system time of all threads. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** The child's output is dropped, its complaints come through. */
const PYTHON_LAUNCHER = `
import json, os, sys, time
start = time.monotonic()
child = os.fork()
if child == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try: os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error: sys.stderr.write(str(error)); os._exit(127)
_, status, usage = os.wait4(child, 0)
print(json.dumps([time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]))
`;

/**
 * Runs a command to its end.
 * @throws BtfmillError `tool-missing` without python3, `tool-failed` with the command's words when it fails, `aborted`.
 */
export async function measure(command: readonly string[], signal: AbortSignal): Promise<Cost> {
  const result = await execa('python3', ['-c', PYTHON_LAUNCHER, ...command], {
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
    // Its group is told to stop by the terminal; a child that outlives the launcher would spoil the next run.
    forceKillAfterDelay: 1000,
  });
  if (result.isCanceled) throw new BtfmillError('aborted', 'stopped');
  if (result.code === 'ENOENT') {
    throw new BtfmillError('tool-missing', 'python3 is needed to measure a process from outside');
  }
  const said = result.stderr.trim().split('\n', 1)[0];
  if (result.failed) throw new BtfmillError('tool-failed', `python3: ${said || result.shortMessage}`);
  const [wallSeconds, cpuSeconds, peakKiB, exitCode] = JSON.parse(result.stdout) as number[];
  if (exitCode !== 0) {
    throw new BtfmillError(
      'tool-failed',
      `${command.slice(0, 4).join(' ')} … ended with ${exitCode}: ${said}`,
    );
  }
  return { wallSeconds, cpuSeconds, peakBytes: peakKiB * 1024 };
}
