// Prints what a verification and the import of a key cost, in microseconds, for two builds of this folder's module.
import fs from "node:fs";

// The calls of the proxy and of WASI, of which a verification makes none.
const nothing = new Proxy({}, { get: () => () => 0 });

const load = async (path) => {
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(path), { env: nothing, wasi_snapshot_preview1: nothing });
  const { exports } = instance;
  exports._initialize?.();
  const start = process.hrtime.bigint();
  const cases = exports.prepare();
  return { ...exports, cases, prepared: Number(process.hrtime.bigint() - start) / 1e6 };
};

const name = (module, index) => {
  const bytes = new Uint8Array(module.memory.buffer, module.name(index));
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
};

// The least of many short runs: others only ever add to it.
const measure = (work, index) => {
  const run = (rounds) => {
    const start = process.hrtime.bigint();
    work(index, rounds);
    return Number(process.hrtime.bigint() - start) / 1000 / rounds;
  };
  const rounds = Math.max(1, Math.ceil(4000 / run(20)));
  for (let warm = 0; warm < 20; warm += 1) run(rounds);
  return Math.min(...Array.from({ length: 30 }, () => run(rounds)));
};

const libraries = await load(process.argv[2]);
const kernels = await load(process.argv[3]);
console.log("| µs | libraries | kernels | | import of the key, libraries | kernels |");
console.log("|---|---|---|---|---|---|");
for (let index = 0; index < kernels.cases; index += 1) {
  for (const module of [libraries, kernels]) {
    if (module.verify(index, 1) !== 1) throw new Error(`${name(module, index)} does not hold`);
  }
  const [before, after] = [libraries, kernels].map((module) => measure(module.verify, index));
  const imports = [libraries, kernels].map((module) => measure(module.import, index).toFixed(0));
  const factor = (before / after).toFixed(1);
  console.log(`| ${name(kernels, index)} | ${before.toFixed(0)} | ${after.toFixed(0)} | ${factor} × | ${imports.join(" | ")} |`);
}
console.log(`\nfirst import of all keys: ${libraries.prepared.toFixed(0)} and ${kernels.prepared.toFixed(0)} ms, the generators' tables included`);
console.log(`memory of all of them: ${libraries.memory.buffer.byteLength >> 10} and ${kernels.memory.buffer.byteLength >> 10} KiB`);
