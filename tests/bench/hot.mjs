// One request again and again in modules that take turns, each a VM of V8 with TurboFan as Envoy runs it, without a proxy
// around it. Prints the least nanoseconds of a request in each.
//
// Its argument is a file: {"modules": [paths], "configuration": text, "head": [[name, value], ...], "requests": of one
// turn, "turns": of each module}.

import { readFileSync } from "node:fs";

const OK = 0, NOT_FOUND = 1;
const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
// What the monotonic clock shows, less what the wall clock does.
const began = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
const encoder = new TextEncoder(), decoder = new TextDecoder();

function encode(pairs) {
  const bytes = pairs.map(([name, value]) => [encoder.encode(name), encoder.encode(value)]);
  const texts = bytes.reduce((sum, [name, value]) => sum + name.length + value.length + 2, 0);
  const out = new Uint8Array(4 + 8 * bytes.length + texts);
  const view = new DataView(out.buffer);
  view.setUint32(0, bytes.length, true);
  let at = 4 + 8 * bytes.length;
  bytes.forEach(([name, value], index) => {
    view.setUint32(4 + 8 * index, name.length, true);
    view.setUint32(8 + 8 * index, value.length, true);
    out.set(name, at);
    out.set(value, at + name.length + 1);
    at += name.length + value.length + 2;
  });
  return out;
}

function start(path) {
  const head = encode(job.head), configuration = encoder.encode(job.configuration);
  const vm = { answers: 0, log: [] };
  let exports;
  const view = () => new DataView(exports.memory.buffer);
  const give = (bytes, data, size) => {
    const at = exports.proxy_on_memory_allocate(bytes.length);
    new Uint8Array(exports.memory.buffer).set(bytes, at);
    view().setUint32(data, at, true);
    view().setUint32(size, bytes.length, true);
    return OK;
  };
  const clock = (time) => {
    view().setBigUint64(time, process.hrtime.bigint() + began, true);
    return OK;
  };
  let metrics = 0;
  const known = {
    proxy_log: (_, data, size) => {
      vm.log.push(decoder.decode(new Uint8Array(exports.memory.buffer, data, size)));
      return OK;
    },
    proxy_get_log_level: () => OK,
    proxy_get_current_time_nanoseconds: clock,
    proxy_set_tick_period_milliseconds: () => OK,
    proxy_get_buffer_bytes: (kind, _start, _most, data, size) => (kind === 7 ? give(configuration, data, size) : NOT_FOUND),
    proxy_get_header_map_pairs: (map, data, size) => (map === 0 ? give(head, data, size) : NOT_FOUND),
    proxy_replace_header_map_value: () => OK,
    proxy_remove_header_map_value: () => OK,
    proxy_add_header_map_value: () => OK,
    proxy_get_property: () => NOT_FOUND,
    proxy_set_property: () => OK,
    proxy_get_shared_data: () => NOT_FOUND,
    proxy_set_shared_data: () => OK,
    proxy_set_effective_context: () => OK,
    proxy_send_local_response: () => {
      vm.answers += 1;
      return OK;
    },
    proxy_define_metric: (_kind, _name, _size, id) => {
      view().setUint32(id, (metrics += 1), true);
      return OK;
    },
    proxy_increment_metric: () => OK,
    clock_time_get: (_id, _precision, time) => clock(time),
    random_get: (data, size) => {
      new Uint8Array(exports.memory.buffer, data, size).fill(0x5a);
      return OK;
    },
    environ_sizes_get: (count, size) => {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return OK;
    },
  };
  const module = new WebAssembly.Module(readFileSync(path));
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = known[name] ?? (() => OK);
  }
  exports = new WebAssembly.Instance(module, imports).exports;
  exports._initialize();
  exports.proxy_on_context_create(1, 0);
  const started = exports.proxy_on_vm_start(1, 0) && exports.proxy_on_configure(1, configuration.length);
  if (!started) throw new Error(`${path} does not start: ${vm.log.join("\n")}`);
  vm.next = 2;
  vm.turn = () => {
    for (let request = 0; request < job.requests; request += 1) {
      const id = (vm.next += 1);
      exports.proxy_on_context_create(id, 1);
      const action = exports.proxy_on_request_headers(id, job.head.length, 1);
      if (action !== 0 || vm.answers > 0) throw new Error(`a request is not let through: ${vm.log.join("\n")}`);
      exports.proxy_on_done(id);
      exports.proxy_on_delete(id);
    }
  };
  return vm;
}

const vms = job.modules.map(start);
const least = vms.map(() => Infinity);
for (let turn = 0; turn < job.turns; turn += 1) {
  vms.forEach((vm, index) => {
    const begin = process.hrtime.bigint();
    vm.turn();
    const took = Number(process.hrtime.bigint() - begin) / job.requests;
    least[index] = Math.min(least[index], took);
  });
}
console.log(JSON.stringify(least));
