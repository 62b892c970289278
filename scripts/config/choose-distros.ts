/** `--distro`: some of the configured distributions. */

import { BtfmillError } from '../../errors/index.ts';

/** Throws `usage` for one that is not configured. */
export function chooseDistros<Config>(
  configured: Readonly<Record<string, Config>>,
  chosen: readonly string[] | undefined,
): Readonly<Record<string, Config>> {
  if (chosen === undefined) return configured;
  const names = Object.keys(configured);
  const stranger = chosen.find((name) => !names.includes(name));
  if (stranger !== undefined) {
    throw new BtfmillError('usage', `--distro ${stranger}: is not configured, only ${names.join(', ')} are`);
  }
  return Object.fromEntries(Object.entries(configured).filter(([name]) => chosen.includes(name)));
}
