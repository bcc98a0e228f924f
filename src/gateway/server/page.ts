import { basename } from "node:path";
import type { HTMLBundle } from "bun";

/** What browsers are told of the page and its parts. */
const headersOfAll = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** The page takes scripts, styles and pictures from here alone, speaks to nobody else, and is nobody's frame. */
const headersOfPage = {
  ...headersOfAll,
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-cache",
} as const;

/** What of a file goes over the wire. */
interface Form {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

interface File {
  readonly plain: Form;
  /** The same compressed, for browsers that take that. */
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

/** By path. The executable has the files built in; from sources they are built now. */
async function readFiles(page: HTMLBundle): Promise<ReadonlyMap<string, File>> {
  const files =
    page.files?.map(({ path, headers }) => ({ path, blob: Bun.file(path), type: headers["content-type"] })) ??
    (await built(page));
  const parts = files.map(({ path }) => basename(path)).filter((name) => !name.endsWith(".html"));
  return new Map(
    await Promise.all(
      files.map(async ({ path, blob, type }) => {
        const isPage = path.endsWith(".html");
        const body = isPage
          ? new TextEncoder().encode(besidePage(await blob.text(), parts))
          : new Uint8Array(await blob.arrayBuffer());
        const headers = {
          ...(isPage ? headersOfPage : headersOfAll),
          // Their names change with what they hold.
          ...(isPage ? {} : { "cache-control": "public, max-age=31536000, immutable" }),
          "content-type": type,
          vary: "accept-encoding",
        };
        return [isPage ? "/" : `/${basename(path)}`, fileOf(body, headers)] as const;
      }),
    ),
  );
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
