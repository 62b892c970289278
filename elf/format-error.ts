/** The one error of the pure libraries: input bytes that break their format's rules. */

/** Stable codes of {@link FormatError}; the first part is the library that found the fault. */
export type FormatErrorCode =
  | 'elf-malformed'
  | 'elf-unsupported'
  | 'dwarf-malformed'
  | 'dwarf-unsupported'
  | 'dwarf-none'
  | 'dwarf-supplement'
  | 'btf-malformed'
  | 'btf-unencodable';

/** Where in the input a fault was seen. */
export interface FormatLocation {
  /** Format, as in the message's first word: `elf`, `dwarf`, `btf`, `tar` … */
  readonly format: string;
  /** Section or part, e.g. `.debug_info`. */
  readonly section?: string;
  /** Byte offset from the start of `section` (or of the file when there is none). */
  readonly offset?: number;
}

/**
 * Input that cannot be decoded or encoded. Prints as `dwarf .debug_info+0x1a2b: unknown form 0x2f`.
 */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly code: FormatErrorCode;
  readonly location: FormatLocation;

  constructor(code: FormatErrorCode, location: FormatLocation, what: string, options?: ErrorOptions) {
    // A hostile file's section may have no name.
    const section = location.section === undefined || location.section === '' ? '' : ` ${location.section}`;
    const offset = location.offset === undefined ? '' : `+0x${location.offset.toString(16)}`;
    super(`${location.format}${section}${offset}: ${what}`, options);
    this.code = code;
    this.location = location;
  }
}
