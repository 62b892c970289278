/** The HTTP client of one listing: counts what the indexes cost and asks a dead host only once. */

import { BtfmillError } from '../../errors/index.ts';
import { isHangUp } from './failures.ts';
import type { HttpClient, HttpRequestOptions, HttpResponse } from './client.ts';
import { relayBody } from './relay-body.ts';

export interface IndexClient {
  readonly http: HttpClient;
  /** Requests that got an answer, and the body bytes that came with them. */
  cost(): { readonly requests: number; readonly bytes: number };
}

/**
 * Wraps `http`; closing stays the owner's business. A host that could not be reached after all retries fails at
 * once from then on: a listing asks for dozens of files from it. One that does not speak HTTPS may still speak HTTP.
 * One that was reached and hung up, fell silent or asked for patience for as long as there was any may have done so
 * because of the address: it gets a second chance with another. Whoever has less patience than the client gives up
 * sooner, and for such requests only.
 */
export function createIndexClient(http: HttpClient): IndexClient {
  const deadOrigins = new Map<string, BtfmillError>();
  /** The same for requests with a number of tries of their own. */
  const hastilyGivenUp = new Map<string, BtfmillError>();
  /** The address that an origin had no answer to the last time, if it was so. */
  const unanswered = new Map<string, string>();
  let requests = 0;
  let bytes = 0;

  async function request(url: string, options: HttpRequestOptions): Promise<HttpResponse> {
    const { host, origin } = new URL(url);
    const isHasty = options.maxAttempts !== undefined;
    const known = deadOrigins.get(origin) ?? (isHasty ? hastilyGivenUp.get(origin) : undefined);
    if (known !== undefined) {
      // Whatever it was at first (a hang-up, a stall), now it is the host.
      const cause = new Error(known.message);
      throw new BtfmillError('http-unreachable', `${url}: ${host} is out of reach`, { cause });
    }
    const note = (error: unknown) => {
      if (!(error instanceof BtfmillError) || !hasNoAnswer(error)) return;
      const isFirst = unanswered.get(origin) === undefined || unanswered.get(origin) === url;
      if (mayBeTheAddress(error) && isFirst) unanswered.set(origin, url);
      else (isHasty ? hastilyGivenUp : deadOrigins).set(origin, error);
    };
    try {
      const response = await http.request(url, options);
      requests += 1;
      const body = relayBody(
        response.body,
        (error) => {
          note(error);
          return error instanceof Error ? error : new Error(String(error));
        },
        {
          onBytes: (length) => {
            bytes += length;
          },
        },
      );
      // A body is an answer once it is there.
      if (response.statusCode === 200) body.once('end', () => unanswered.delete(origin));
      else unanswered.delete(origin);
      return { ...response, body };
    } catch (error) {
      note(error);
      throw error;
    }
  }

  return { http: { request, close: () => Promise.resolve() }, cost: () => ({ requests, bytes }) };
}

/** Whether all that an origin had to say in the end was nothing, or "not now" (429). */
function hasNoAnswer({ code, retryable }: BtfmillError): boolean {
  return code === 'http-unreachable' || code === 'http-stalled' || (code === 'http-refused' && retryable);
}

function mayBeTheAddress(error: BtfmillError): boolean {
  return error.code !== 'http-unreachable' || isHangUp(error);
}
