/** From SQLite's NULL and JSON text to absent properties and plain values, and back. */

/** Named parameters for a statement: `undefined` becomes NULL. */
export function toParameters(values: object): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) parameters[name] = value ?? null;
  return parameters;
}

/** `{ [name]: value }`, or nothing at all when the column is NULL; for spreading into a row object. */
export function optional<Name extends string, Value>(
  name: Name,
  value: Value | null,
): { [key in Name]?: Value } {
  if (value === null) return {};
  const property: { [key in Name]?: Value } = {};
  property[name] = value;
  return property;
}

/** Parses a JSON column (the schema has checked it with `json_valid`). */
export function fromJson(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}
