/**
 * Room for decoded forms, taken in order and given back all at once: one inspection allocates nothing as long as its forms
 * fit into what an earlier one needed. It keeps at most 4 MiB between inspections.
 */
export class Arena {
  bytes: Uint8Array = new Uint8Array(64 * 1024);
  at = 0;

  /** Makes sure that `size` bytes follow `at`; forms that were made before stay where they are. */
  reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    this.bytes = new Uint8Array(Math.max(size, Math.min(2 * this.bytes.length, MAX_KEPT)));
    this.at = 0;
  }

  /** Gives all room back. */
  reset(): void {
    this.at = 0;
    if (this.bytes.length > MAX_KEPT) this.bytes = new Uint8Array(64 * 1024);
  }
}

const MAX_KEPT = 4 * 1024 * 1024;
