/** The address of a proxy, as a configuration or the environment gives it. */

import { BtfmillError } from '../../errors/index.ts';

/** Throws `usage`, without the address: it may hold a password. */
export function checkProxy(address: string): void {
  const isUsable = URL.canParse(address) && /^https?:$/u.test(new URL(address).protocol);
  if (!isUsable) {
    throw new BtfmillError('usage', 'is no http(s) URL of a proxy, such as "http://proxy:3128"');
  }
}

/** {@link checkProxy} for the variables that name proxies. */
export function checkProxyVariables(env: NodeJS.ProcessEnv): void {
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']) {
    const address = env[name];
    if (address === undefined || address === '') continue;
    try {
      checkProxy(address);
    } catch (cause) {
      throw new BtfmillError('usage', `${name}: ${(cause as Error).message}`, { cause });
    }
  }
}
