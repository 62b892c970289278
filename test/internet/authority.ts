/** A certificate authority for tests, made with openssl: whoever trusts it believes the local internet's hosts. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { execa } from 'execa';

/** Programs that {@link createAuthority} runs. */
export const AUTHORITY_TOOLS: readonly string[] = ['openssl'];

export interface Authority {
  /** PEM, for NODE_EXTRA_CA_CERTS. */
  readonly certificateFile: string;
  readonly certificate: string;
  /** Key and certificate of a host, issued when it is first asked for. */
  contextOf(host: string): Promise<SecureContext>;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const;

const CONFIG = 'openssl.cnf';

/** @param folder holds keys and certificates; the caller's to remove */
export async function createAuthority(folder: string): Promise<Authority> {
  // A configuration of our own: the system's adds extensions that differ from one distribution to the next.
  await writeFile(join(folder, CONFIG), '[req]\ndistinguished_name = name\n[name]\n');
  const own = { key: join(folder, 'authority.key'), certificate: join(folder, 'authority.pem') };
  await openssl(folder, 'btfmill test authority', own, [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=keyCertSign',
  ]);
  const issued = new Map<string, Promise<SecureContext>>();

  async function issue(host: string): Promise<SecureContext> {
    const files = { key: join(folder, `${host}.key`), certificate: join(folder, `${host}.pem`) };
    const extensions = ['basicConstraints=critical,CA:FALSE', `subjectAltName=DNS:${host}`];
    await openssl(folder, host, files, extensions, ['-CA', own.certificate, '-CAkey', own.key]);
    return createSecureContext({ key: await readFile(files.key), cert: await readFile(files.certificate) });
  }

  return {
    certificateFile: own.certificate,
    certificate: await readFile(own.certificate, 'utf8'),
    async contextOf(host) {
      if (!/^[a-z0-9][a-z0-9.-]*$/u.test(host)) throw new Error(`not a host name: ${host}`);
      const context = issued.get(host) ?? issue(host);
      issued.set(host, context);
      return context;
    },
  };
}

/** Makes a key and its certificate, self-signed unless `issuer` says by whom. */
async function openssl(
  folder: string,
  commonName: string,
  files: { readonly key: string; readonly certificate: string },
  extensions: readonly string[],
  issuer: readonly string[] = [],
): Promise<void> {
  const output = ['-keyout', files.key, '-out', files.certificate];
  const names = ['-subj', `/CN=${commonName}`, ...extensions.flatMap((extension) => ['-addext', extension])];
  await execa('openssl', [
    'req',
    '-x509',
    '-config',
    join(folder, CONFIG),
    ...KEY,
    '-days',
    '2',
    ...names,
    ...output,
    ...issuer,
  ]);
}
