// Cuts a WebM file at its clusters. A file whose clusters are a second each, every one beginning with a key frame, can be
// played as it comes and sold by the second.

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;

export type Cut = {
  /** What a player needs before the first cluster. */
  readonly head: Uint8Array;
  /** Head and clusters, one after the other, are the file. What follows the last cluster goes with it. */
  readonly clusters: readonly Uint8Array[];
};

/** @throws {RangeError} for a file that is no WebM, has no cluster, or elements of unknown length */
export function cutWebm(file: Uint8Array): Cut {
  const starts: number[] = [];
  for (let at = 0; at < file.length; ) {
    const { id, body, end } = elementAt(file, at);
    if (id === CLUSTER) starts.push(at);
    // The segment is the one element that is looked into.
    at = id === SEGMENT ? body : end;
  }
  const [first] = starts;
  if (first === undefined) throw new RangeError('this file has no cluster');
  return {
    head: file.subarray(0, first),
    clusters: starts.map((start, n) => file.subarray(start, starts[n + 1] ?? file.length)),
  };
}

function elementAt(file: Uint8Array, at: number): { id: number; body: number; end: number } {
  const lengthAt = at + widthAt(file, at, 4);
  const body = lengthAt + widthAt(file, lengthAt, 8);
  const [first = 0, ...others] = file.subarray(lengthAt, body);
  const length = [first & (0x7f >> others.length), ...others];
  const isUnknown = length.every((byte, n) => byte === (n === 0 ? 0x7f >> others.length : 0xff));
  if (isUnknown) throw new RangeError('an element of this file does not say its length');
  const end = body + toNumber(length);
  if (end > file.length) throw new RangeError('this file is cut off');
  return { id: toNumber(file.subarray(at, lengthAt)), body, end };
}

/** Bytes of a number of EBML: the zeros before the first one say how many follow. */
function widthAt(file: Uint8Array, at: number, most: number): number {
  const bytes = Math.clz32(file[at] ?? 0) - 23;
  if (bytes > most || at + bytes > file.length) throw new RangeError('this is no WebM file');
  return bytes;
}

const toNumber = (bytes: Iterable<number>): number => [...bytes].reduce((value, byte) => value * 256 + byte, 0);
