import { type Tokens, WORD } from "./tokens.ts";

const DISKS = ["sd", "hd", "vd", "mm", "mt", "nv"];

/** The name at `i` is one of a disk or of flash memory, as `/dev` has them: `sda`, `mmcblk0`, `mtd3`, `nvme0n1`. */
export function isDisk(t: Tokens, i: number): boolean {
  if (t.kind[i] !== WORD) return false;
  const from = t.start[i] as number;
  const first = (t.bytes[from] as number) | 0x20;
  const second = (t.bytes[from + 1] as number) | 0x20;
  return DISKS.some((disk) => disk.charCodeAt(0) === first && disk.charCodeAt(1) === second);
}
