import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BtfmillError } from '../../errors/index.ts';
import { listenForStop, type StopSignal } from './stop-signal.ts';

describe('listenForStop', () => {
  let said: number;
  let stop: StopSignal;
  let exits: (number | string | null | undefined)[];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    exits = [];
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      exits.push(code);
      return undefined as never;
    });
    said = 0;
    stop = listenForStop(() => (said += 1));
  });

  afterEach(() => {
    stop.release();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it('takes two signals in quick succession for one: npm hands on what the terminal sent already', () => {
    process.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(300);
    process.emit('SIGINT', 'SIGINT');
    expect({ exits, said, exitCode: stop.exitCode() }).toEqual({ exits: [], said: 1, exitCode: 130 });
    expect(stop.signal.reason).toMatchObject({ code: 'aborted', message: 'stopped by SIGINT' });
  });

  it('ends the process at a second signal that comes later', () => {
    process.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(1000);
    process.emit('SIGTERM', 'SIGTERM');
    expect(exits).toEqual([143]);
  });

  it('keeps the exit code of what stopped first', () => {
    stop.stop(new BtfmillError('aborted', 'stdout was closed'), 141);
    process.emit('SIGTERM', 'SIGTERM');
    expect({ exits, said, exitCode: stop.exitCode() }).toEqual({ exits: [], said: 0, exitCode: 141 });
  });
});
