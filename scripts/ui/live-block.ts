/** A block of lines at the bottom of a terminal that is drawn over and over, with ordinary lines scrolling by above it. */

/** The part of a terminal stream that is needed. */
export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

export interface LiveBlock {
  /** Writes a line that stays, above the block. */
  log(line: string): void;
  /** Removes the block; what was logged stays, and what is logged from now on has no block below it. */
  close(): void;
}

const FRAME_MS = 100;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

// ECMA-48: CUU moves up, ED erases from the cursor to the end of the screen.
const ERASE_BELOW = '\r\u001B[J';

/** A pseudo-terminal that nobody has given a size says 0. */
function isKnown(size: number | undefined): size is number {
  return size !== undefined && size > 0;
}

/**
 * Draws `lines(width)` ten times a second; no line may be wider than the width it is given, or contain a newline.
 * When they are too many for the terminal, the last stays, and of the others the first.
 * The timer does not keep the process alive.
 */
export function createLiveBlock(terminal: Terminal, lines: (width: number) => readonly string[]): LiveBlock {
  let drawn = 0;
  let isClosed = false;

  /** One write per frame, so that the terminal never shows half of it. */
  function draw(logged: string): void {
    // The last column stays empty: a full line would wrap on some terminals.
    const block = isClosed
      ? []
      : cut(lines((isKnown(terminal.columns) ? terminal.columns : DEFAULT_COLUMNS) - 1));
    if (drawn === 0 && block.length === 0 && logged === '') return;
    terminal.write(erase() + logged + block.map((line) => `${line}\n`).join(''));
    drawn = block.length;
  }

  /** The cursor stands below the block and cannot go up to what has scrolled off the screen. */
  function cut(block: readonly string[]): readonly string[] {
    const room = Math.max(1, (isKnown(terminal.rows) ? terminal.rows : DEFAULT_ROWS) - 1);
    return block.length <= room ? block : [...block.slice(0, room - 1), ...block.slice(-1)];
  }

  function erase(): string {
    return drawn === 0 ? '' : `\u001B[${drawn}A${ERASE_BELOW}`;
  }

  const timer = setInterval(draw, FRAME_MS, '');
  timer.unref();
  return {
    log: (line) => {
      draw(`${line}\n`);
    },
    close: () => {
      clearInterval(timer);
      terminal.write(erase());
      drawn = 0;
      isClosed = true;
    },
  };
}
