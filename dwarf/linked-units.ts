/** The sign that a file's units refer to each other. */

/**
 * Thrown while units are read one by one when something in them needs the others: partial and type units, references
 * from one unit into another (LTO), a supplementary file (dwz). Not a fault of the input: the conversion starts
 * again with all units as one (see join.ts). It never leaves {@link convertDwarf}.
 */
export class LinkedUnits extends Error {
  override readonly name = 'LinkedUnits';

  constructor() {
    super('the units refer to each other and have to be read as one');
  }
}
