/** Queries of table `cross_checks`: what each conversion was compared with, and the verdict. */

import type { Database } from 'better-sqlite3';
import { fromJson, optional, toParameters } from './columns.ts';
import type { CrossCheckRow } from './types.ts';

export interface CrossCheckTable {
  add(check: CrossCheckRow): void;
  ofAttempt(attemptId: number): readonly CrossCheckRow[];
}

interface CrossCheckColumns {
  attempt_id: number;
  against: string;
  verdict: string;
  details: string;
  first_differences: string;
  tolerated: string;
  tool: string | null;
  milliseconds: number;
  checked_at: string;
}

export function crossCheckTable(db: Database): CrossCheckTable {
  const insert = db.prepare(
    `INSERT INTO cross_checks (attempt_id, against, verdict, details, first_differences, tolerated, tool,
       milliseconds, checked_at)
     VALUES (@attemptId, @against, @verdict, @details, @firstDifferences, @tolerated, @tool,
       @milliseconds, @checkedAt)`,
  );
  const select = db.prepare<[number], CrossCheckColumns>(
    'SELECT * FROM cross_checks WHERE attempt_id = ? ORDER BY id',
  );
  return {
    add(check) {
      insert.run(
        toParameters({
          tool: undefined,
          ...check,
          details: JSON.stringify(check.details),
          firstDifferences: JSON.stringify(check.firstDifferences),
          tolerated: JSON.stringify(check.tolerated),
        }),
      );
    },
    ofAttempt(attemptId) {
      return select.all(attemptId).map(toCrossCheck);
    },
  };
}

function toCrossCheck(row: CrossCheckColumns): CrossCheckRow {
  return {
    attemptId: row.attempt_id,
    against: row.against,
    verdict: row.verdict,
    details: fromJson(row.details),
    firstDifferences: fromJson(row.first_differences) as string[],
    tolerated: fromJson(row.tolerated) as string[],
    ...optional('tool', row.tool),
    milliseconds: row.milliseconds,
    checkedAt: row.checked_at,
  };
}
