/** Queries of table `step_timings`: how long each step of an attempt took, and how many bytes it moved. */

import type { Database } from 'better-sqlite3';
import type { StepTiming } from '../pipeline/types.ts';
import type { StepTimingRow } from './types.ts';

export interface StepTimingTable {
  /** A step recorded twice (after a recovery) keeps the later figures. */
  add(timing: StepTimingRow): void;
  ofAttempt(attemptId: number): readonly StepTiming[];
}

export function stepTimingTable(db: Database): StepTimingTable {
  const upsert = db.prepare<[Record<string, unknown>]>(
    `INSERT INTO step_timings (attempt_id, step, milliseconds, bytes)
     VALUES (@attemptId, @step, @milliseconds, @bytes)
     ON CONFLICT DO UPDATE SET milliseconds = excluded.milliseconds, bytes = excluded.bytes`,
  );
  const select = db.prepare<[number], StepTiming>(
    'SELECT step, milliseconds, bytes FROM step_timings WHERE attempt_id = ? ORDER BY step',
  );
  return {
    add(timing) {
      upsert.run({ ...timing });
    },
    ofAttempt(attemptId) {
      return select.all(attemptId);
    },
  };
}
