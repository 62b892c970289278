/** The little of npm's version ranges that `engines.node` uses. */

/** Whether a dotted version lies in a range of the form `>=20.19 <21 || >=22.22`. */
export function satisfiesRange(version: string, range: string): boolean {
  return range.split('||').some((alternative) =>
    alternative
      .trim()
      .split(/\s+/)
      .every((bound) => {
        const [, operator, limit] = /^(>=|<)(\d+(?:\.\d+)*)$/.exec(bound) ?? [];
        if (limit === undefined) throw new RangeError(`version range not understood: ${range}`);
        const order = compareDotted(version, limit);
        return operator === '<' ? order < 0 : order >= 0;
      }),
  );
}

function compareDotted(left: string, right: string): number {
  const a = left.split('.').map(Number);
  const b = right.split('.').map(Number);
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
