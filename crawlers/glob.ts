/** Shell-style patterns over kernel names. */

import { BtfmillError } from '../errors/index.ts';

/**
 * Whether `name` as a whole matches `glob`: `*` any text, `?` one character, `[abc]`, `[a-z]` one of these, `[!abc]`
 * none of these. Everything else stands for itself. Throws `usage` for a class that makes no sense (`[z-a]`).
 */
export function matchesGlob(glob: string, name: string): boolean {
  return globToRegExp(glob).test(name);
}

/** Whether a glob can match more than the one name that it spells. */
export function isPattern(glob: string): boolean {
  return /[*?[]/.test(glob);
}

function globToRegExp(glob: string): RegExp {
  let source = '';
  for (let index = 0; index < glob.length; index += 1) {
    const character = glob[index];
    const classEnd = character === '[' ? glob.indexOf(']', index + 2) : -1;
    if (character === '*') source += source.endsWith('.*') ? '' : '.*';
    else if (character === '?') source += '.';
    else if (classEnd !== -1) {
      source += classSource(glob.slice(index + 1, classEnd));
      index = classEnd;
    } else source += escape(character);
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch (error) {
    throw new BtfmillError('usage', `${glob} is no pattern`, { cause: error });
  }
}

function classSource(members: string): string {
  const isNegated = members.startsWith('!') || members.startsWith('^');
  const listed = (isNegated ? members.slice(1) : members).replaceAll(/[\\\]^[]/g, '\\$&');
  return `[${isNegated ? '^' : ''}${listed}]`;
}

function escape(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
}
