export { aboutFile, BtfmillError, toBtfmillError } from './btfmill-error.ts';
export { firstLine, withName } from './program-said.ts';
export { ERROR_CODES, EXIT, type ErrorCode, type ErrorCodeInfo } from './codes.ts';
