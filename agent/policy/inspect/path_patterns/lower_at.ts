/** The byte at `at`, a capital as its small letter; 0 behind the end. */
export function lowerAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
