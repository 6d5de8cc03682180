// A build of this folder's module, and how long it takes for something.
import fs from "node:fs";

// The calls of the proxy and of WASI, of which a verification makes none.
const nothing = new Proxy({}, { get: () => () => 0 });

export const load = async (path) => {
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(path), { env: nothing, wasi_snapshot_preview1: nothing });
  const { exports } = instance;
  exports._initialize?.();
  return exports;
};

export const text = (module, address) => {
  const bytes = new Uint8Array(module.memory.buffer, address);
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
};

// Microseconds. The least of many short runs: others only ever add to it.
export const measure = (work, index, { micros = 4000, warm = 20, runs = 30 } = {}) => {
  const run = (rounds) => {
    const start = process.hrtime.bigint();
    work(index, rounds);
    return Number(process.hrtime.bigint() - start) / 1000 / rounds;
  };
  const rounds = Math.max(1, Math.ceil(micros / run(20)));
  for (let each = 0; each < warm; each += 1) run(rounds);
  return Math.min(...Array.from({ length: runs }, () => run(rounds)));
};
