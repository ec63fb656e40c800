/** What the kernel counts of a process. Deno lets only programs with all permissions read it. */

/**
 * CPU time of all threads in microseconds.
 *
 * From `schedstat`, in nanoseconds; where the kernel lacks it from `stat`, in ticks of 10 ms.
 */
export function cpuUs(pid: number): number {
  try {
    let ns = 0;
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      ns += Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ")[0]);
    }
    return ns / 1000;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name in parentheses may hold spaces; user and system time are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }
}

/** Resident memory in MB (10^6 bytes). */
export function residentMb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
  if (line === null) throw new Error(`Cannot read the memory of process ${pid}: no VmRSS in its status`);
  return Number(line[1]) * 1024 / 1e6;
}
