/** The first line of what a program complained of, on one of its outputs; empty when it said nothing. */
export function firstLine(output: string | Uint8Array): string {
  const text = typeof output === 'string' ? output : Buffer.from(output).toString('utf8');
  return text.trim().split('\n', 1)[0].trim();
}

/** Most programs begin their messages with their own name already. */
export function withName(program: string, said: string): string {
  return said.startsWith(`${program}:`) ? said : `${program}: ${said}`;
}
