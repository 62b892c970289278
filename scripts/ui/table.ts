/** Plain tables in columns, for people: no borders, numbers to the right. */

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lines with a trailing newline each; the widths follow the contents. `paintTitle` colours the heading line. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paintTitle: (text: string) => string = (text) => text,
): string {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => row[index].length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) =>
        columns[index].align === 'right' ? cell.padStart(widths[index]) : cell.padEnd(widths[index]),
      )
      .join('  ')
      .trimEnd();
  const heading = paintTitle(line(columns.map((column) => column.title)));
  return [heading, ...rows.map(line)].map((text) => `${text}\n`).join('');
}
