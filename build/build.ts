import { relative } from "node:path";
import { compile, executablePath } from "./compile.ts";
import { installIfMissing } from "./dependencies.ts";

await installIfMissing();
await compile(executablePath);
process.stdout.write(`${relative(process.cwd(), executablePath)}\n`);
