/** A block of lines at the bottom of a terminal that is drawn over and over, with ordinary lines scrolling by above it. */

/** The part of a terminal stream that is needed. */
export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number;
}

export interface LiveBlock {
  /** Writes a line that stays, above the block. */
  log(line: string): void;
  /** Removes the block; what was logged stays. */
  close(): void;
}

const FRAME_MS = 100;
const DEFAULT_COLUMNS = 80;

// ECMA-48: CUU moves up, ED erases from the cursor to the end of the screen.
const ERASE_BELOW = '\r\u001B[J';

/**
 * Draws `lines(width)` ten times a second; no line may be wider than the width it is given, or contain a newline.
 * The timer does not keep the process alive.
 */
export function createLiveBlock(terminal: Terminal, lines: (width: number) => readonly string[]): LiveBlock {
  let drawn = 0;

  /** One write per frame, so that the terminal never shows half of it. */
  function draw(logged: string): void {
    // The last column stays empty: a full line would wrap on some terminals.
    const block = lines((terminal.columns ?? DEFAULT_COLUMNS) - 1);
    if (drawn === 0 && block.length === 0 && logged === '') return;
    terminal.write(erase() + logged + block.map((line) => `${line}\n`).join(''));
    drawn = block.length;
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
    },
  };
}
