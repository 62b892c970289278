/** One exit code for a run in which several things may have gone wrong. */

import { type BtfmillError, ERROR_CODES, type ErrorCode, EXIT } from '../errors/index.ts';
import type { IndexFailed } from './run-types.ts';

/**
 * What is worse hides what is less bad: first an unexpected failure, then integrity, a damaged archive, upstream,
 * set-up, failed kernels.
 */
const PRECEDENCE: readonly number[] = [
  EXIT.unexpected,
  EXIT.integrity,
  EXIT.damageFound,
  EXIT.upstreamUnreachable,
  EXIT.usage,
  EXIT.someKernelsFailed,
];

/** The exit code of a run that reached its end. */
export function exitCodeOf(
  kernelFailureCodes: readonly string[],
  indexFailures: readonly Pick<IndexFailed, 'code'>[],
): number {
  const codes = new Set([
    ...kernelFailureCodes.map(kernelExit),
    ...indexFailures.map(({ code }) => exitOf(code)),
  ]);
  return worstExit([...codes]);
}

/** The exit code that says most. */
export function worstExit(codes: readonly number[]): number {
  return PRECEDENCE.find((code) => codes.includes(code)) ?? EXIT.ok;
}

/** The exit code of what ended a night, or kept it from publishing: not that of one that lacks but some kernels. */
export function exitOfBroken({ exitCode }: BtfmillError): number {
  return exitCode === EXIT.someKernelsFailed ? EXIT.unexpected : exitCode;
}

/** A mirror that lacks one package is not unreachable: that is a failed kernel like any other. */
function kernelExit(code: string): number {
  const exit = exitOf(code);
  return exit === EXIT.upstreamUnreachable ? EXIT.someKernelsFailed : exit;
}

function exitOf(code: string): number {
  return code in ERROR_CODES ? ERROR_CODES[code as ErrorCode].exit : EXIT.unexpected;
}
