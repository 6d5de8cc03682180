// Holds Kubernetes resources, a JSON list on the standard input, against the definitions of their kinds, and prints what does not fit:
// a JSON list of lists. A key that a definition does not have is told by the validator never having asked for it.

import { readFileSync } from "node:fs";

const packages = {
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
  "extensions.istio.io": "@kubernetes-models/istio",
  "networking.istio.io": "@kubernetes-models/istio",
  "security.istio.io": "@kubernetes-models/istio",
};

/** The value with a memory of which of its members were asked for. */
function watched(value, asked, path) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item, index) => watched(item, asked, `${path}[${index}]`));
  const members = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, watched(item, asked, `${path}.${key}`)]));
  const seen = new Set();
  asked.push({ path, seen, keys: Object.keys(value) });
  return new Proxy(members, {
    get(target, key) {
      seen.add(key);
      return target[key];
    },
  });
}

async function problems(resource) {
  const [group, version] = resource.apiVersion.split("/");
  const name = packages[group];
  if (!name) return [`no definition of ${resource.apiVersion}`];
  const models = await import(`${name}/${group}/${version}`);
  const Model = models[resource.kind];
  if (!Model) return [`no definition of ${resource.kind}`];
  const asked = [];
  const found = [];
  try {
    Model.prototype.validate.call(watched(resource, asked, resource.kind));
  } catch (error) {
    found.push(String(error));
  }
  // Where nothing was asked for, anything may stand.
  for (const { path, seen, keys } of asked.filter(({ seen }) => seen.size > 0)) {
    found.push(...keys.filter((key) => !seen.has(key)).map((key) => `${path}.${key} is unknown`));
  }
  return found;
}

const resources = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await Promise.all(resources.map(problems))));
