/** The one error class above the pure libraries: what failed, on what, where, and whether trying again can help. */

import { FormatError } from '../elf/format-error.ts';
import { ERROR_CODES, type ErrorCode } from './codes.ts';

export interface BtfmillErrorOptions extends ErrorOptions {
  /** Overrides the code's default, e.g. a 404 that is final. */
  readonly retryable?: boolean;
  /** The same for {@link BtfmillError.exitCode}. */
  readonly exitCode?: number;
}

export class BtfmillError extends Error {
  override readonly name = 'BtfmillError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** The process exit code this failure stands for when it ends the run. */
  readonly exitCode: number;

  constructor(code: ErrorCode, message: string, options: BtfmillErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
    this.exitCode = options.exitCode ?? ERROR_CODES[code].exit;
  }
}

/**
 * Any thrown value as a BtfmillError: format errors keep their code and location, abort and the failures of files
 * and of SQLite are recognised, the rest is `unexpected`. The original stays as `cause`.
 */
export function toBtfmillError(thrown: unknown): BtfmillError {
  if (thrown instanceof BtfmillError) return thrown;
  if (thrown instanceof FormatError) return new BtfmillError(thrown.code, thrown.message, { cause: thrown });
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const sqlite = sqliteErrorCode(error);
  if (sqlite !== undefined) return new BtfmillError(sqlite, `the record: ${error.message}`, { cause: error });
  const code = systemErrorCode(error);
  return new BtfmillError(code, error.message || code, { cause: error });
}

/**
 * What was thrown while `path` was worked on, with a message that names it, unless that names it or one of the
 * `others` already: `not an ELF file` is of no use beside a hundred files.
 */
export function aboutFile(thrown: unknown, path: string, others: readonly string[] = []): BtfmillError {
  const error = toBtfmillError(thrown);
  if ([path, ...others].some((name) => names(error.message, name))) return error;
  return new BtfmillError(error.code, `${path}: ${error.message}`, { cause: thrown });
}

/** As a word of its own: `elf+0x0` does not name a file that is called elf. */
function names(message: string, path: string): boolean {
  const at = ` ${message}`.indexOf(` ${path}`);
  return at !== -1 && /^(?:$|[ :,])/u.test(message.slice(at + path.length));
}

/** SQLite's result codes by their names (sqlite.org/rescode.html); extended ones begin with that of their family. */
const SQLITE_CODES: readonly (readonly [pattern: RegExp, code: ErrorCode])[] = [
  [/^SQLITE_FULL/u, 'disk-full'],
  [/^SQLITE_(?:IOERR|READONLY|BUSY|CANTOPEN|PERM)/u, 'io-failed'],
  [/^SQLITE_(?:CORRUPT|NOTADB)/u, 'record-damaged'],
];

/** Known by the code alone: the pure libraries are to be usable without a database driver. */
function sqliteErrorCode(error: Error): ErrorCode | undefined {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string') return undefined;
  return SQLITE_CODES.find(([pattern]) => pattern.test(code))?.[1];
}

function systemErrorCode(error: Error): ErrorCode {
  if (error.name === 'AbortError') return 'aborted';
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'disk-full';
  if (typeof code === 'string' && (error as NodeJS.ErrnoException).syscall !== undefined) return 'io-failed';
  return 'unexpected';
}
