import { basename } from "node:path";
import type { HTMLBundle } from "bun";

/** The headers of the page and its parts. */
const headersOfAll = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** The page loads scripts, styles and pictures only from here, connects only to here, and cannot be framed. */
const headersOfPage = (styleHash: string, holdsSecrets: boolean) => ({
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
  // Without it, who has opened the page may later put another one in its place that asks for the token. It makes the browser start a process
  // for the page, which in a new tab takes as long as all else until something is seen.
  ...(holdsSecrets ? { "cross-origin-opener-policy": "same-origin" } : {}),
  "cache-control": "no-cache",
});

/** A script that runs as a worker has its own policy, and not the page's. */
const headersOfScript = { "content-security-policy": "default-src 'none'; connect-src 'self'" } as const;

/** A file in one content encoding. */
interface Form {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

interface File {
  readonly plain: Form;
  /** The file compressed, for browsers that accept that. */
  readonly gzip: Form;
}

/**
 * A page and its parts. Bun could serve them by itself, but without security headers, and for any method.
 */
export class Page {
  readonly #bundle: HTMLBundle;
  readonly #holdsSecrets: boolean;
  #files: Promise<ReadonlyMap<string, File>> | undefined;

  /** @param holdsSecrets whether people give it a token */
  constructor(bundle: HTMLBundle, holdsSecrets: boolean) {
    this.#bundle = bundle;
    this.#holdsSecrets = holdsSecrets;
  }

  /** Undefined if the path is not one of the page's. */
  async answer(request: Request, path: string): Promise<Response | undefined> {
    // The files are read on the first request.
    this.#files ??= readFiles(this.#bundle, this.#holdsSecrets);
    const file = (await this.#files).get(path);
    if (file === undefined) return undefined;
    const { body, headers } = takesGzip(request.headers.get("accept-encoding")) ? file.gzip : file.plain;
    if (request.headers.get("if-none-match") === headers["etag"])
      return new Response(null, { status: 304, headers });
    return new Response(body, { headers });
  }
}

/** Reads the page's files, by path. The executable contains them; a process that runs from sources builds them now. */
async function readFiles(page: HTMLBundle, holdsSecrets: boolean): Promise<ReadonlyMap<string, File>> {
  const files =
    page.files?.map(({ path, headers }) => ({ path, blob: Bun.file(path), type: headers["content-type"] })) ??
    (await built(page));
  const named = (ending: string) => files.find(({ path }) => path.endsWith(ending))!;
  const [html, style] = [named(".html"), named(".css")];
  const parts = files.filter((file) => file !== html && file !== style);
  const common = { ...headersOfAll, vary: "accept-encoding" };
  const partOf = (name: string, body: Uint8Array<ArrayBuffer>, type: string) => {
    // Their names change with their content.
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
  const headers = { ...common, ...headersOfPage(hashOf(css), holdsSecrets), "content-type": html.type };
  return new Map([
    ["/", fileOf(new TextEncoder().encode(text), headers)],
    partOf(starter.name, new TextEncoder().encode(starter.text), named(".js").type),
    ...(await Promise.all(parts.map(readPart))),
  ]);
}

/** Puts the style into the page, which saves a request before something is shown. */
function withStyle(html: string, css: string): string {
  return html.replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${css}</style>`);
}

/**
 * Starts the page's script only after something is shown. Otherwise the browser would read and run all of it before it draws anything.
 * Meanwhile it is fetched.
 *
 * @returns the page, and the small script that starts it
 */
function afterFirstPaint(html: string) {
  const [tag, path] = /<script type="module"[^>]* src="([^"]+)"><\/script>/.exec(html) ?? [];
  if (tag === undefined || !html.includes("</body>")) throw new Error("the page has no script, or no end");
  // A callback that is scheduled in a frame runs after that frame was drawn. A hidden tab has no frames, and a covered one may have none.
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

/** The expression by which a content security policy allows this text. */
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

/** @param accepted the request's `Accept-Encoding` */
export function takesGzip(accepted: string | null): boolean {
  return (accepted ?? "").split(",").some((each) => {
    const [name, ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
    return name === "gzip" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** Makes the page refer to its parts by relative paths, since a proxy may serve it under a path of its own. Bun makes absolute ones. */
function besidePage(html: string, parts: readonly string[]): string {
  return parts.reduce((text, part) => text.replaceAll(`"/${part}"`, `"./${part}"`), html);
}

async function built(page: HTMLBundle) {
  const { outputs } = await Bun.build({ entrypoints: [page.index], publicPath: "/", minify: true });
  return outputs.map((blob) => ({ path: blob.path, blob, type: blob.type }));
}
