/** Which BTF of a kernel is published, and whether a cross-check lets it pass. */

import type { KernelKey } from '../crawlers/types.ts';
import { BtfmillError, type ErrorCode, toBtfmillError } from '../errors/index.ts';
import { kernelId } from './plan.ts';
import type { CrossCheckVerdict } from './cross-check.ts';
import type { RunEvent, RunOptions, RunSteps, StepControl } from './run-types.ts';
import type { BtfSource, ConvertedKernel, SourceChoice } from './types.ts';

export interface ChosenBtf {
  readonly source: BtfSource;
  readonly btf: Uint8Array;
}

/** Codes that say our converter could not cope with a kernel's DWARF. */
const CONVERSION_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'dwarf-malformed',
  'dwarf-unsupported',
  'dwarf-supplement',
  'btf-unencodable',
]);

/**
 * Converts; when that fails in a kernel that carries native BTF, the native bytes are still good: they are the
 * distribution's own. `refusal` then stands in for the cross-check, so that the failure is recorded and said.
 */
export async function convertOrKeepNative(
  vmlinuxPath: string,
  { source, crossCheck }: Pick<RunOptions, 'source' | 'crossCheck'>,
  steps: Pick<RunSteps, 'convert'>,
  control: StepControl,
): Promise<{ converted: ConvertedKernel; refusal?: CrossCheckVerdict }> {
  try {
    return { converted: await steps.convert(vmlinuxPath, source, control) };
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (source !== 'auto' || crossCheck === 'always' || !CONVERSION_CODES.has(error.code)) throw error;
    const converted = await nativeOnly(vmlinuxPath, steps, control);
    if (converted === undefined) throw error;
    return { converted, refusal: refusalOf(error) };
  }
}

async function nativeOnly(
  vmlinuxPath: string,
  steps: Pick<RunSteps, 'convert'>,
  control: StepControl,
): Promise<ConvertedKernel | undefined> {
  try {
    const converted = await steps.convert(vmlinuxPath, 'native', control);
    return converted.native === undefined ? undefined : converted;
  } catch (thrown) {
    const { code } = toBtfmillError(thrown);
    if (code === 'dwarf-none' || code === 'native-none') return undefined;
    throw thrown;
  }
}

function refusalOf({ message }: BtfmillError): CrossCheckVerdict {
  return {
    against: 'native',
    verdict: 'unavailable',
    firstDifferences: [message],
    tolerated: [],
    milliseconds: 0,
  };
}

/**
 * `auto`: native before DWARF. Throws `native-none` or `dwarf-none` when what was asked for is not there.
 */
export function chooseBtf({ native, fromDwarf }: ConvertedKernel, source: SourceChoice): ChosenBtf {
  if (source !== 'dwarf' && native !== undefined) return { source: 'native', btf: native };
  if (source === 'native') throw new BtfmillError('native-none', 'vmlinux has no .BTF section');
  if (fromDwarf === undefined) throw new BtfmillError('dwarf-none', 'vmlinux has no DWARF');
  return { source: 'dwarf', btf: fromDwarf };
}

/**
 * A BTF that we made is not published when its types differ from the oracle's: throws `cross-check`. Everything else
 * that a person should know becomes a warning.
 */
export function judgeCrossCheck(
  key: KernelKey,
  source: BtfSource,
  check: CrossCheckVerdict,
  emit: (event: RunEvent) => void,
): void {
  const { against, verdict, firstDifferences } = check;
  const first = firstDifferences[0] === undefined ? '' : `: ${firstDifferences[0]}`;
  const oracle = check.tool === undefined ? against : `${against} ${check.tool}`;
  if (verdict === 'types-differ') {
    if (source === 'dwarf') {
      throw new BtfmillError('cross-check', `types differ from those of ${oracle}${first}`);
    }
    const message = `${kernelId(key)}: published with its native BTF, but our conversion has other types${first}`;
    emit({ event: 'warning', code: 'cross-check', message });
  } else if (verdict === 'functions-differ') {
    const message = `${kernelId(key)}: types equal those of ${oracle}, functions do not${first}`;
    emit({ event: 'warning', code: 'cross-check', message });
  } else if (verdict === 'unavailable') {
    const what =
      source === 'native'
        ? 'published with its native BTF, but our conversion failed'
        : 'made from DWARF and published unchecked';
    const message = `${kernelId(key)}: ${what}${first}`;
    emit({ event: 'warning', code: 'cross-check', message });
  }
}
