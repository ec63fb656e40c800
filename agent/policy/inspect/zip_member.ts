/** Bytes of a local file header before the name (APPNOTE.TXT of ZIP, 4.3.7). */
const HEADER = 30;

/**
 * Where the compressed data begins of the member of a ZIP archive whose local file header is at `at`; -1 if there is none,
 * or if it is stored as it is (then it is found as any text is), encrypted, or compressed otherwise than by DEFLATE.
 */
export function zipMemberStart(bytes: Uint8Array, at: number, end: number): number {
  if (at + HEADER > end) return -1;
  if (bytes[at] !== 0x50 || bytes[at + 1] !== 0x4b || bytes[at + 2] !== 3 || bytes[at + 3] !== 4) return -1;
  const isEncrypted = ((bytes[at + 6] as number) & 1) !== 0;
  if (isEncrypted || bytes[at + 8] !== 8 || bytes[at + 9] !== 0) return -1;
  const name = (bytes[at + 26] as number) + (bytes[at + 27] as number) * 256;
  const extra = (bytes[at + 28] as number) + (bytes[at + 29] as number) * 256;
  const data = at + HEADER + name + extra;
  return data < end ? data : -1;
}
