import { relative } from "node:path";
import { compile, executablePath } from "./compile.ts";

await compile(executablePath);
process.stdout.write(`${relative(process.cwd(), executablePath)}\n`);
