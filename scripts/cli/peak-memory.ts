/** How much memory this process has had at most. */

import { readFileSync } from 'node:fs';

/**
 * Bytes of resident memory at their peak. On Linux VmHWM, which counts from the start of this program; what
 * getrusage(2) says elsewhere can be the peak of the process that started it.
 */
export function peakMemoryBytes(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/mu.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // No /proc.
  }
  return process.resourceUsage().maxRSS * 1024;
}
