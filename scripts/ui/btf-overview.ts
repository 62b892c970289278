/** The summary of a BTF as text. */

import type { BtfOverview } from '../../btf/index.ts';
import { formatBytes, plural, printable } from './format.ts';
import { renderTable } from './table.ts';

/** Lines that are shown of what validation found; the first says it mostly. */
const MAX_PROBLEMS = 5;

/** @param problems what the kernel would refuse it for, as sentences */
export function renderOverview(name: string, overview: BtfOverview, problems: readonly string[]): string {
  const { typesByKind, largest, sections, typeCount, baseTypeCount } = overview;
  const order = overview.littleEndian ? 'little-endian' : 'big-endian';
  const base = baseTypeCount === 0 ? '' : ` beside ${baseTypeCount} of its base`;
  const kinds = Object.entries(typesByKind).toSorted(([, a], [, b]) => b - a);
  const lines = [
    `${name}: ${formatBytes(overview.totalBytes)}, ${order}, header of ${overview.headerBytes} bytes`,
    `${plural(typeCount, 'type')}${base}, ${formatBytes(overview.stringBytes)} of strings, ${plural(overview.functionNames, 'function name')}`,
    ...sections.map(
      (section) =>
        `section ${section.name}: ${plural(section.variables, 'variable')}, ${formatBytes(section.sizeBytes)}`,
    ),
    ...validityLines(problems),
    '',
    renderTable(
      [{ title: 'kind' }, { title: 'types', align: 'right' }],
      kinds.map(([kind, count]) => [kind, String(count)]),
    ),
  ];
  if (largest.length > 0) {
    lines.push(
      renderTable(
        [{ title: 'largest' }, { title: 'bytes', align: 'right' }],
        largest.map((type) => [`${type.kind.toLowerCase()} ${type.name}`, String(type.sizeBytes)]),
      ).trimEnd(),
    );
  }
  return `${lines.join('\n').split('\n').map(printable).join('\n')}\n`;
}

function validityLines(problems: readonly string[]): string[] {
  if (problems.length === 0) return ['valid: a kernel would take it'];
  const shown = problems.slice(0, MAX_PROBLEMS).map((problem) => `  ${problem}`);
  const more = problems.length > MAX_PROBLEMS ? [`  … and ${problems.length - MAX_PROBLEMS} more`] : [];
  return ['INVALID, a kernel would refuse it:', ...shown, ...more];
}
