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
 * One that was reached and hung up may have done so because of the address: it gets a second chance with another.
 */
export function createIndexClient(http: HttpClient): IndexClient {
  const deadOrigins = new Map<string, BtfmillError>();
  /** Origins whose last word was to hang up. */
  const rudeOrigins = new Set<string>();
  let requests = 0;
  let bytes = 0;

  async function request(url: string, options: HttpRequestOptions): Promise<HttpResponse> {
    const { host, origin } = new URL(url);
    const known = deadOrigins.get(origin);
    if (known !== undefined) {
      throw new BtfmillError('http-unreachable', `${url}: ${host} is out of reach`, { cause: known });
    }
    try {
      const response = await http.request(url, options);
      requests += 1;
      rudeOrigins.delete(origin);
      const body = relayBody(response.body, passOn, (length) => {
        bytes += length;
      });
      return { ...response, body };
    } catch (error) {
      if (error instanceof BtfmillError && error.code === 'http-unreachable') {
        if (isHangUp(error) && !rudeOrigins.has(origin)) rudeOrigins.add(origin);
        else deadOrigins.set(origin, error);
      }
      throw error;
    }
  }

  return { http: { request, close: () => Promise.resolve() }, cost: () => ({ requests, bytes }) };
}

function passOn(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
