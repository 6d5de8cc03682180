// Holds the costs by which the filter charges for signatures (src/jose/cost.rs) against what they take here, and fails
// where one is more than half off. A machine that is faster or slower than the benchmark's is so in all of them.
import { load, measure, text } from "./module.mjs";

const module = await load(process.argv[2]);
const rows = Array.from({ length: module.prepare_costs() }, (_, index) => {
  const taken = measure(module.spend, index, { micros: 1000, warm: 10, runs: 15 });
  return { name: text(module, module.cost_name(index)), charged: module.cost(index), taken };
});
const ratios = rows.map(({ charged, taken }) => taken / charged).sort((one, other) => one - other);
const machine = ratios[ratios.length >> 1];
console.log(`this machine takes ${machine.toFixed(2)} times what is charged, in the median`);
console.log("| µs | charged | taken | off |");
console.log("|---|--:|--:|--:|");
let wrong = machine < 0.25 || machine > 4;
for (const { name, charged, taken } of rows) {
  const expected = charged * machine;
  // What costs a microsecond or two may be wrong by one.
  const off = Math.abs(taken - expected) <= 1 ? 0 : taken / expected - 1;
  if (Math.abs(off) > 0.5) wrong = true;
  console.log(`| ${name} | ${charged} | ${taken.toFixed(1)} | ${(100 * off).toFixed(0)} % |`);
}
if (wrong) {
  console.error("a signature does not cost what is charged for it");
  process.exit(1);
}
