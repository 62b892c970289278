/** Connections to a proxy, through which connections to HTTPS hosts are tunnelled (CONNECT). */

import { type Dispatcher, Pool } from 'undici';

type Options = Omit<Dispatcher.ConnectOptions, 'origin'>;
type Callback = (error: Error | null, data: Dispatcher.ConnectData) => void;

/**
 * A pool whose CONNECT fails once and for all. undici 7.30 reports a proxy that hangs up as UND_ERR_SOCKET, takes that
 * for a passing fault of the tunnelled connection (`onError` in lib/dispatcher/client.js), and asks the proxy again at
 * once, thousands of times a second and for ever; the request never settles. With another code it fails.
 */
class TunnelPool extends Pool {
  override connect(options: Options): Promise<Dispatcher.ConnectData>;
  override connect(options: Options, callback: Callback): void;
  override connect(options: Options, callback?: Callback): Promise<Dispatcher.ConnectData> | undefined {
    if (callback === undefined) return super.connect(options).catch(rethrow);
    super.connect(options, callback);
    return undefined;
  }
}

/** For `ProxyAgent`. */
export function createTunnelPool(origin: URL, options: object): Dispatcher {
  return new TunnelPool(origin, options);
}

function rethrow(error: unknown): never {
  if (error instanceof Error && 'code' in error && error.code === 'UND_ERR_SOCKET') {
    const failure = new Error(`the proxy hung up (${error.message})`, { cause: error });
    throw Object.assign(failure, { code: 'ECONNRESET' });
  }
  throw error;
}
