import { basename } from "node:path";
import type { HTMLBundle } from "bun";

/** What browsers are told of the page and its parts. */
const headersOfAll = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** The page takes scripts, styles and pictures from here alone, speaks to nobody else, and is nobody's frame. */
const headersOfPage = (styleHash: string) => ({
  ...headersOfAll,
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    `style-src '${styleHash}'`,
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-cache",
});

/** A script that runs as a worker is held to what came with it, and not to what came with the page. */
const headersOfScript = { "content-security-policy": "default-src 'none'; connect-src 'self'" } as const;

/** What of a file goes over the wire. */
interface Form {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

interface File {
  readonly plain: Form;
  /** The file compressed, for browsers that take that. */
  readonly gzip: Form;
}

/**
 * A page and its parts. Bun would serve them by itself, but without the headers that keep browsers safe, and whatever
 * the method.
 */
export class Page {
  readonly #bundle: HTMLBundle;
  #files: Promise<ReadonlyMap<string, File>> | undefined;

  constructor(bundle: HTMLBundle) {
    this.#bundle = bundle;
  }

  /** Undefined if the path is none of the page's. */
  async answer(request: Request, path: string): Promise<Response | undefined> {
    // Not before somebody wants to see it.
    this.#files ??= readFiles(this.#bundle);
    const file = (await this.#files).get(path);
    if (file === undefined) return undefined;
    const { body, headers } = takesGzip(request.headers.get("accept-encoding")) ? file.gzip : file.plain;
    if (request.headers.get("if-none-match") === headers["etag"])
      return new Response(null, { status: 304, headers });
    return new Response(body, { headers });
  }
}

/** Reads the page's files, by path. The executable has them built in; a process that runs from sources builds them now. */
async function readFiles(page: HTMLBundle): Promise<ReadonlyMap<string, File>> {
  const files =
    page.files?.map(({ path, headers }) => ({ path, blob: Bun.file(path), type: headers["content-type"] })) ??
    (await built(page));
  const named = (ending: string) => files.find(({ path }) => path.endsWith(ending))!;
  const [html, style] = [named(".html"), named(".css")];
  const parts = files.filter((file) => file !== html && file !== style);
  const common = { ...headersOfAll, vary: "accept-encoding" };
  const partOf = (name: string, body: Uint8Array<ArrayBuffer>, type: string) => {
    // Their names change with what they hold.
    const headers = {
      ...common,
      ...(name.endsWith(".js") ? headersOfScript : {}),
      "content-type": type,
      "cache-control": "public, max-age=31536000, immutable",
    };
    return [`/${name}`, fileOf(body, headers)] as const;
  };
  const readPart = async ({ path, blob, type }: (typeof files)[number]) =>
    partOf(basename(path), new Uint8Array(await blob.arrayBuffer()), type);
  const css = await style.blob.text();
  const names = parts.map(({ path }) => basename(path));
  const beside = besidePage(withStyle(await html.blob.text(), css), names);
  const { text, starter } = afterFirstPaint(beside);
  const headers = { ...common, ...headersOfPage(hashOf(css)), "content-type": html.type };
  return new Map([
    ["/", fileOf(new TextEncoder().encode(text), headers)],
    partOf(starter.name, new TextEncoder().encode(starter.text), named(".js").type),
    ...(await Promise.all(parts.map(readPart))),
  ]);
}

/** The style within the page: one request less until something is seen. */
function withStyle(html: string, css: string): string {
  return html.replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${css}</style>`);
}

/**
 * The page with its script begun when something is seen: else the browser would read and run all of it before it draws anything. It is
 * fetched meanwhile.
 *
 * @returns the page, and the few words beside it that begin the script
 */
function afterFirstPaint(html: string) {
  const [tag, path] = /<script type="module"[^>]* src="([^"]+)"><\/script>/.exec(html) ?? [];
  if (tag === undefined || !html.includes("</body>")) throw new Error("the page has no script, or no end");
  // What is planned in a frame comes after it was drawn. A hidden tab has no frames, and one that is covered may have none.
  const text = [
    `let begun;const begin=()=>begun??=import(${JSON.stringify(path)});`,
    `document.hidden?begin():requestAnimationFrame(()=>setTimeout(begin));setTimeout(begin,1000)`,
  ].join("");
  const name = `begin-${Bun.hash(text).toString(36)}.js`;
  const preload = `<link rel="modulepreload" href="${path}">`;
  const start = `<script async src="./${name}"></script>`;
  return {
    text: html.replace(tag, () => preload).replace("</body>", () => `${start}</body>`),
    starter: { name, text },
  };
}

/** The name by which a content security policy allows this text. */
function hashOf(text: string): string {
  return `sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}`;
}

function fileOf(body: Uint8Array<ArrayBuffer>, headers: Form["headers"]): File {
  const tag = Bun.hash(body).toString(16);
  return {
    plain: { body, headers: { ...headers, etag: `"${tag}"` } },
    gzip: {
      body: Bun.gzipSync(body, { level: 9 }),
      headers: { ...headers, "content-encoding": "gzip", etag: `"${tag}-gzip"` },
    },
  };
}

/** @param accepted what the request says in `Accept-Encoding` */
export function takesGzip(accepted: string | null): boolean {
  return (accepted ?? "").split(",").some((each) => {
    const [name, ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
    return name === "gzip" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** The page with its parts named as beside it, since a proxy may have it under a path of its own. Bun names them from the root. */
function besidePage(html: string, parts: readonly string[]): string {
  return parts.reduce((text, part) => text.replaceAll(`"/${part}"`, `"./${part}"`), html);
}

async function built(page: HTMLBundle) {
  const { outputs } = await Bun.build({ entrypoints: [page.index], publicPath: "/", minify: true });
  return outputs.map((blob) => ({ path: blob.path, blob, type: blob.type }));
}
