// Prints what a verification and the import of a key cost, in microseconds, for two builds of this folder's module.
import { load, measure, text } from "./module.mjs";

const prepare = async (path) => {
  const module = await load(path);
  const start = process.hrtime.bigint();
  const cases = module.prepare();
  return { ...module, cases, prepared: Number(process.hrtime.bigint() - start) / 1e6 };
};

const name = (module, index) => text(module, module.name(index));
const libraries = await prepare(process.argv[2]);
const kernels = await prepare(process.argv[3]);
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
