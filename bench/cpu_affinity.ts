/** Which CPU a process runs on, by system call; Linux only. */

const MASK_BYTES = 128;

const libc = Deno.dlopen("libc.so.6", {
  sched_setaffinity: { parameters: ["i32", "u32", "buffer"], result: "i32" },
});

/** The CPUs that this process may use, by number. */
export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "";
  return list.split(",").filter((range) => range !== "").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/**
 * Keeps the main thread of a process on some CPUs; its helpers (compiler, garbage collector) stay free.
 *
 * Server and client on one CPU wake each other in 25 µs, on two in 60 to 100 µs, and the scheduler moves them about as
 * it likes: two servers could not be compared by latency.
 */
export function pinMainThread(pid: number, cpus: readonly number[]): void {
  const mask = new Uint8Array(MASK_BYTES);
  for (const cpu of cpus) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | 1 << (cpu & 7);
  if (libc.symbols.sched_setaffinity(pid, MASK_BYTES, mask) !== 0) {
    throw new Error(`Cannot keep process ${pid} on CPU ${cpus.join(", ")}: the system refuses it`);
  }
}
