/** Schema version 4: why a run broke, or why what follows it (publishing) failed: its exit code alone does not tell. */

export const SCHEMA_004 = `
ALTER TABLE runs ADD COLUMN failure_code TEXT;
ALTER TABLE runs ADD COLUMN failure_message TEXT;
`;
