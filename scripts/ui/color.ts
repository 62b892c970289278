/** Decides about colour in one place, and paints. */

/** Paints text, or gives it back unchanged. */
export interface Palette {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/**
 * Whether a stream gets colour. `--no-color` wins over everything; FORCE_COLOR (not `0`) over what follows: NO_COLOR,
 * TERM=dumb, and a stream that is no terminal.
 */
export function wantsColor(
  stream: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
  flag: boolean,
): boolean {
  if (!flag) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  if (env.NO_COLOR || env.TERM === 'dumb') return false;
  return stream.isTTY === true;
}

/** A palette that paints, or one that does not. */
export function palette(isColored: boolean): Palette {
  return {
    bold: painter(isColored, 1, 22),
    dim: painter(isColored, 2, 22),
    red: painter(isColored, 31, 39),
    green: painter(isColored, 32, 39),
    yellow: painter(isColored, 33, 39),
    cyan: painter(isColored, 36, 39),
  };
}

/** SGR sequences of ECMA-48: `on` starts the rendition, `off` ends it. */
function painter(isColored: boolean, on: number, off: number): (text: string) => string {
  return isColored ? (text) => `\u001B[${on}m${text}\u001B[${off}m` : (text) => text;
}
