/** Parsers and defaults of flags that several verbs share. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { Shard } from '../../pipeline/shard.ts';
import { parseArch } from '../../crawlers/arch.ts';
import { BtfmillError } from '../../errors/index.ts';

export const DEFAULT_ARCHIVE = 'archive';
export const DEFAULT_DB = 'btfmill.sqlite';

/** `$XDG_CACHE_HOME/btfmill`, else `~/.cache/btfmill`. */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  // The XDG specification: unset or empty means the default, and a relative path is to be ignored.
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'btfmill');
}

/** A whole number from 1 on, in decimal digits. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/u.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  }
  return value;
}

/** For a repeatable flag: the values in the order given. */
export function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  if (value === '') throw new InvalidArgumentError('It must not be empty.');
  return [...(earlier ?? []), value];
}

/** Archive names of architectures, each once. */
export function archNames(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...new Set([...(earlier ?? []), validValue(() => parseArch(value)).archive])];
}

/** The message of a `usage` error is commander's to say: it knows which flag it was. */
export function validValue<T>(parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof BtfmillError && thrown.code === 'usage') {
      throw new InvalidArgumentError(`${thrown.message}.`);
    }
    throw thrown;
  }
}

/** `2/4`: the second of four shares. */
export function shardOf(text: string): Shard {
  const [, k, n] = /^(\d{1,6})\/(\d{1,6})$/u.exec(text) ?? [];
  const shard = { index: Number(k), count: Number(n) };
  if (!(shard.index >= 1 && shard.index <= shard.count)) {
    throw new InvalidArgumentError('It must be two numbers such as 2/4, the first from 1 to the second.');
  }
  return shard;
}
