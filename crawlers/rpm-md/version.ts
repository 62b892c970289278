/** Order of rpm package versions (rpm's `rpmvercmp` and its comparison of epoch, version and release). */

export interface Evr {
  readonly epoch: number;
  readonly version: string;
  readonly release: string;
}

/** `[epoch:]version-release`, as rpm prints it: an epoch of 0 is left out. */
export function formatEvr({ epoch, version, release }: Evr): string {
  return `${epoch === 0 ? '' : `${epoch}:`}${version}-${release}`;
}

/** The parts of `[epoch:]version[-release]`. Any string has some. */
export function parseEvr(text: string): Evr {
  const [, epoch = '0', rest] = /^(?:(\d*):)?(.*)$/s.exec(text) as RegExpExecArray;
  const dash = rest.lastIndexOf('-');
  const version = dash === -1 ? rest : rest.slice(0, dash);
  return { epoch: Number(epoch), version, release: dash === -1 ? '' : rest.slice(dash + 1) };
}

/** Negative when `a` is older than `b`, positive when newer, 0 when equal. */
export function compareEvr(a: Evr, b: Evr): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  return compareVersionPart(a.version, b.version) || compareVersionPart(a.release, b.release);
}

/** The same for versions as {@link formatEvr} writes them. */
export function compareRpmVersions(a: string, b: string): number {
  return compareEvr(parseEvr(a), parseEvr(b));
}

const SEPARATORS = /[^A-Za-z0-9~^]*/y;
const DIGITS = /\d*/y;
const LETTERS = /[A-Za-z]*/y;

/**
 * Order of two versions or two releases: runs of digits by value, runs of letters by their bytes, everything else
 * only separates. `~` makes older than what ends there, `^` newer than what ends there and older than anything else.
 */
export function compareVersionPart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  for (;;) {
    i = endOf(SEPARATORS, a, i);
    j = endOf(SEPARATORS, b, j);

    if (a[i] === '~' || b[j] === '~') {
      if (a[i] !== '~') return 1;
      if (b[j] !== '~') return -1;
      i += 1;
      j += 1;
      continue;
    }
    if (a[i] === '^' || b[j] === '^') {
      if (i === a.length) return -1;
      if (j === b.length) return 1;
      if (a[i] !== '^') return 1;
      if (b[j] !== '^') return -1;
      i += 1;
      j += 1;
      continue;
    }
    if (i === a.length || j === b.length) return Number(i < a.length) - Number(j < b.length);

    const isNumber = endOf(DIGITS, a, i) > i;
    const kind = isNumber ? DIGITS : LETTERS;
    const run = a.slice(i, endOf(kind, a, i));
    const other = b.slice(j, endOf(kind, b, j));
    // A number is newer than letters.
    if (other === '') return isNumber ? 1 : -1;
    const order = isNumber ? compareNumbers(run, other) : compareText(run, other);
    if (order !== 0) return order;
    i += run.length;
    j += other.length;
  }
}

function endOf(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start;
  return start + (pattern.exec(text)?.[0].length ?? 0);
}

/** Of any length: such a run may be a date and a hash at once. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  return left.length - right.length || compareText(left, right);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
