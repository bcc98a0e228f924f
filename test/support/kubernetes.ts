import { need, pythonWithKubernetes } from "./requirements.ts";

/**
 * The faults of these objects according to Kubernetes' API: unknown keys, wrong types, missing fields. They are compared with the classes
 * of Debian's python3-kubernetes, which are generated from the API's description.
 */
export async function faultsInManifests(objects: readonly unknown[]): Promise<string> {
  const walk = `import json, re, sys
import kubernetes.client as client
from kubernetes.client import models
plain = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object, "datetime": str, "date": str}
faults = []
def check(value, kind, at):
    if inner := re.fullmatch(r"list\\[(.*)\\]", kind):
        if not isinstance(value, list): return faults.append(f"{at}: is no list")
        for index, item in enumerate(value): check(item, inner[1], f"{at}[{index}]")
    elif inner := re.fullmatch(r"dict\\(str, (.*)\\)", kind):
        if not isinstance(value, dict): return faults.append(f"{at}: is no mapping")
        for key, item in value.items(): check(item, inner[1], f"{at}.{key}")
    elif kind in plain:
        if not isinstance(value, plain[kind]) or (kind == "int" and isinstance(value, bool)):
            # A port or a quantity may be a name or a number.
            faults.append(f"{at}: {value!r} is no {kind}")
    else:
        model = getattr(models, kind)
        if not isinstance(value, dict): return faults.append(f"{at}: is no mapping")
        known = {key: name for name, key in model.attribute_map.items()}
        for key in value:
            if key not in known: faults.append(f"{at}: there is no {key} in {kind}")
            else: check(value[key], model.openapi_types[known[key]], f"{at}.{key}")
        try: model(**{known[key]: value[key] for key in value if key in known}, local_vars_configuration=client.Configuration())
        except (ValueError, TypeError) as error: faults.append(f"{at}: {error}")
for item in json.load(sys.stdin):
    group, _, version = item["apiVersion"].rpartition("/")
    check(item, version[:1].upper() + version[1:] + item["kind"], f'{item["kind"]} {item["metadata"]["name"]}')
print("\\n".join(faults), end="")
`;
  const child = Bun.spawn([need(pythonWithKubernetes), "-c", walk], {
    stdin: new Blob([JSON.stringify(objects)]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return out + err;
}
