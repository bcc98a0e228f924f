import { describe, expect, test } from "bun:test";
import { AllowedOrigins, isOwnOrigin, schemeOf } from "../../../../src/gateway/guards/origin.ts";
import { isOriginRule } from "../../../../src/origin.ts";

describe("an origin is allowed", () => {
  test.each([
    ["https://app.example.org", "https://app.example.org"],
    ["https://app.example.org/", "https://app.example.org"],
    ["https://APP.example.org:443", "https://app.example.org"],
    ["http://app.example.org:80", "http://app.example.org"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
    ["capacitor://localhost", "capacitor://localhost"],
    ["ionic://localhost", "ionic://localhost"],
    ["tauri://localhost/", "tauri://localhost"],
    [
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ],
    ["app://.", "app://."],
    ["app://obsidian.md", "app://obsidian.md"],
    ["wails://wails.localhost:34115", "wails://wails.localhost:34115"],
    ["vscode-webview://*", "vscode-webview://1a2b"],
    ["safari-web-extension://*", "safari-web-extension://4B1C5D0E"],
    ["moz-extension://*", "moz-extension://4b1c5d0e-9c0f-4b6d-8a55-0a9dd2f4f7ab"],
    ["null", "null"],
    ["null", "file://"],
    ["file://", "null"],
    ["file:///", "file://"],
    ["https://*.example.org", "https://a.example.org"],
    ["https://*.example.org", "https://a.b.example.org"],
    ["https://*.example.org:8443", "https://a.example.org:8443"],
    ["*", "anything at all"],
  ])("by --allow-origin %s: %s", (rule, origin) => {
    expect(isOriginRule(rule)).toBe(true);
    expect(new AllowedOrigins(["https://other.example", rule]).has(origin)).toBe(true);
  });

  test.each([
    ["https://app.example.org", "http://app.example.org"],
    ["https://app.example.org", "https://app.example.org:8443"],
    ["https://app.example.org", "https://app.example.org.evil.example"],
    ["https://app.example.org", "https://app.example.org/path"],
    ["https://app.example.org", ""],
    ["capacitor://localhost", "ionic://localhost"],
    ["capacitor://localhost", "http://localhost"],
    ["https://*.example.org", "https://example.org"],
    ["https://*.example.org", "https://.example.org"],
    ["https://*.example.org", "https://evilexample.org"],
    ["https://*.example.org", "https://a.example.org.evil.example"],
    ["https://*.example.org", "https://evil.example/.example.org"],
    ["https://*.example.org", "https://evil.example#.example.org"],
    ["https://*.example.org", "https://evil.example\\.example.org"],
    ["https://*.example.org", "https://evil.example:1@a.example.org"],
    ["https://*.example.org", "http://a.example.org"],
    ["https://*.example.org", "https://a.example.org:8443"],
    ["moz-extension://*", "https://a"],
    ["null", "http://null"],
  ])("but not by --allow-origin %s: %s", (rule, origin) => {
    expect(new AllowedOrigins([rule]).has(origin)).toBe(false);
  });

  test.each([
    "app.example.org",
    "https://",
    "https://a.example/path",
    "https://a.example?",
    "https://a.example#",
    "https://user@a.example",
    "https://a.*.example",
    "https://*a.example",
    "https://*.*.example",
    "https://*",
    "javascript:alert(1)",
    "about:blank",
    "",
  ])("and %p is no rule", (text) => {
    expect(isOriginRule(text)).toBe(false);
  });
});

describe("a page is the manager's own", () => {
  test.each([
    ["http://127.0.0.1:8000", "127.0.0.1:8000", undefined],
    ["http://example.org", "example.org", undefined],
    ["http://example.org", "example.org:80", undefined],
    ["https://example.org", "example.org:443", undefined],
    ["https://example.org", "example.org", undefined],
    ["https://example.org", "EXAMPLE.org", "https"],
    ["http://example.org", "example.org", "http"],
    ["http://[::1]:8000", "[::1]:8000", undefined],
  ] as const)("%s asked at %s, by %s", (origin, host, scheme) => {
    expect(isOwnOrigin(origin, host, scheme)).toBe(true);
  });

  test.each([
    // A page that came without TLS may have been changed on its way.
    ["http://example.org", "example.org", "https"],
    ["https://example.org", "example.org", "http"],
    ["https://example.org", "example.org:80", undefined],
    ["https://example.org:8443", "example.org", undefined],
    ["http://evil.example", "example.org", undefined],
    ["capacitor://localhost", "localhost", undefined],
    ["null", "null", undefined],
    ["null", "example.org", undefined],
    ["", "", undefined],
    ["http://example.org", null, undefined],
    ["nonsense", "nonsense", undefined],
  ] as const)("but not %s asked at %s, by %s", (origin, host, scheme) => {
    expect(isOwnOrigin(origin, host, scheme)).toBe(false);
  });
});

describe("the scheme that a client used", () => {
  test("is https where the manager speaks TLS, whatever a header says", () => {
    expect(schemeOf(true, "http", true)).toBe("https");
  });

  test.each([
    ["https", true, "https"],
    ["https", false, "https"],
    ["wss", false, "https"],
    ["HTTPS, http", false, "https"],
    ["http", true, "http"],
    ["ws", true, "http"],
    // Some proxy between the one with TLS and Warren may have said it.
    ["http", false, undefined],
    ["gopher", true, undefined],
    ["", true, undefined],
    [null, true, undefined],
  ] as const)("is, by X-Forwarded-Proto %p from one that is trusted %p, %p", (header, isTrusted, scheme) => {
    expect(schemeOf(false, header, isTrusted)).toBe(scheme);
  });
});
