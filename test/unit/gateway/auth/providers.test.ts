import { expect, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import { createLocalJWKSet } from "jose";
import { usableKeys } from "../../../../src/gateway/auth/jwk-set.ts";
import { type Keys, publicAlgorithms, secretKeys } from "../../../../src/gateway/auth/keys.ts";
import { TokenRefusal } from "../../../../src/gateway/auth/token-refusal.ts";
import { type TokenRules, Tokens } from "../../../../src/gateway/auth/tokens.ts";
import { hs256, nowS, rsaPair, signed } from "./signing.ts";

/** Access tokens as identity providers make them: what surrounds the rights, and where the rights can be put. */

const rsa = rsaPair();
const kid = "a-key";
const rights = { publish: ["colour.*"], subscribe: ["#"] };
const times = { iat: nowS(), exp: nowS() + 3600 };

interface Shape {
  readonly rules: Pick<TokenRules, "claim"> & Partial<TokenRules>;
  readonly header?: object;
  readonly claims: Record<string, unknown>;
}

const shapes: Record<string, Shape> = {
  Keycloak: {
    rules: {
      claim: "realm_access.warren",
      issuer: ["https://id.example/realms/main"],
      audience: ["account"],
    },
    header: { typ: "JWT" },
    claims: {
      jti: "onrtac:2f0d",
      iss: "https://id.example/realms/main",
      aud: "account",
      typ: "Bearer",
      azp: "web",
      sid: "c8",
      acr: "1",
      "allowed-origins": ["https://app.example"],
      realm_access: { roles: ["default-roles-main", "offline_access"], warren: rights },
      resource_access: { account: { roles: ["view-profile"] } },
      scope: "email profile",
      preferred_username: "anna",
    },
  },
  Auth0: {
    rules: {
      claim: "https://app.example.org/warren",
      issuer: ["https://tenant.eu.auth0.com/"],
      audience: ["https://api.example.org"],
    },
    header: { typ: "at+jwt" },
    claims: {
      iss: "https://tenant.eu.auth0.com/",
      aud: ["https://api.example.org", "https://tenant.eu.auth0.com/userinfo"],
      azp: "client",
      scope: "openid profile",
      "https://app.example.org/warren": rights,
    },
  },
  "Cognito, whose access tokens name a client and no audience": {
    rules: {
      claim: "warren",
      issuer: ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a"],
      audience: ["4f0c"],
    },
    claims: {
      iss: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
      client_id: "4f0c",
      origin_jti: "1",
      event_id: "2",
      token_use: "access",
      scope: "aws.cognito.signin.user.admin",
      auth_time: nowS(),
      username: "anna",
      "cognito:groups": ["a"],
      warren: JSON.stringify(rights),
    },
  },
  "Entra ID": {
    rules: {
      claim: "extn.warren",
      issuer: ["https://login.microsoftonline.com/t/v2.0"],
      audience: ["api://warren"],
    },
    header: { typ: "JWT", x5t: "abc" },
    claims: {
      aud: "api://warren",
      iss: "https://login.microsoftonline.com/t/v2.0",
      nbf: nowS(),
      azpacr: "1",
      name: "Anna",
      oid: "3",
      scp: "access",
      tid: "t",
      ver: "2.0",
      extn: { warren: JSON.stringify(rights) },
    },
  },
  Okta: {
    rules: {
      claim: "warren",
      issuer: ["https://dev.okta.com/oauth2/default"],
      audience: ["api://default"],
    },
    claims: {
      ver: 1,
      iss: "https://dev.okta.com/oauth2/default",
      aud: "api://default",
      cid: "0oa",
      uid: "00u",
      scp: ["openid"],
      warren: rights,
    },
  },
  "Ory Hydra, whose tokens name no audience by an empty list": {
    rules: { claim: "ext.warren", issuer: ["https://hydra.example"] },
    claims: {
      aud: [],
      client_id: "4f0c",
      ext: { warren: rights },
      iss: "https://hydra.example",
      jti: "4",
      nbf: nowS(),
      scp: ["offline"],
    },
  },
  Zitadel: {
    rules: {
      claim: "urn:zitadel:iam:user:warren",
      issuer: ["https://id.zitadel.example"],
      audience: ["178204173316174381"],
    },
    claims: {
      iss: "https://id.zitadel.example",
      aud: ["178204173316174381@app", "178204173316174381"],
      "urn:zitadel:iam:org:project:roles": { admin: { "178": "example.org" } },
      "urn:zitadel:iam:user:warren": JSON.stringify(rights),
    },
  },
  Firebase: {
    rules: { claim: "warren", issuer: ["https://securetoken.google.com/project"], audience: ["project"] },
    header: { typ: "JWT" },
    claims: {
      iss: "https://securetoken.google.com/project",
      aud: "project",
      user_id: "anna",
      auth_time: nowS(),
      firebase: { identities: {}, sign_in_provider: "password" },
      warren: rights,
    },
  },
};

const keySet = () => {
  const jwk = createPublicKey(rsa.publicKey).export({ format: "jwk" });
  const encryption = {
    ...createPublicKey(rsaPair().publicKey).export({ format: "jwk" }),
    use: "enc",
    alg: "RSA-OAEP",
  };
  const { keys } = usableKeys({
    keys: [
      { ...encryption, kid: "enc" },
      { ...jwk, kid, use: "sig", alg: "RS256", x5c: ["AAAA"] },
    ],
  });
  return { algorithms: publicAlgorithms, find: createLocalJWKSet({ keys: [...keys] }) };
};

const tokensBy = (keys: Keys, rules: Shape["rules"]) =>
  new Tokens(
    { keys, renew: () => Promise.resolve(false) },
    { issuer: undefined, audience: undefined, leewayMs: 5000, ...rules },
  );

async function expectRights(tokens: Tokens, token: string): Promise<void> {
  const grant = await tokens.verify(token);
  if (grant instanceof TokenRefusal) throw new Error(grant.why);
  expect(grant.user).toBe("anna");
  const { permissions } = grant;
  expect([permissions.mayPublish("colour.red"), permissions.mayPublish("a"), permissions.note]).toEqual([
    true,
    false,
    "",
  ]);
  expect(permissions.maySubscribe("colour.#")).toBe(true);
}

test.each(Object.keys(shapes))("a token of %s", async (provider) => {
  const { rules, header = {}, claims } = shapes[provider]!;
  const tokens = tokensBy(keySet(), rules);
  const sign = (more: object) =>
    signed({ sub: "anna", ...times, ...claims, ...more }, rsa.privateKey, "RS256", { kid, ...header });
  await expectRights(tokens, sign({}));
  // For another application of the same provider.
  const stranger = claims["aud"] === undefined ? { client_id: "other" } : { aud: "other" };
  expect(await tokens.verify(sign(stranger))).toMatchObject({ kind: "audience" });
  expect(await tokens.verify(sign({ iss: "https://evil.example" }))).toMatchObject({ kind: "issuer" });
});

test("a token of Supabase, which signs by a shared secret", async () => {
  const secret = "super-secret-jwt-token-with-at-least-32-characters-long";
  const tokens = tokensBy(await secretKeys(Buffer.from(secret)), {
    claim: "app_metadata.warren",
    audience: ["authenticated"],
  });
  const claims = {
    aud: "authenticated",
    role: "authenticated",
    app_metadata: { provider: "email", warren: rights },
  };
  await expectRights(tokens, hs256({ sub: "anna", ...times, ...claims }, secret));
});

test("client_id counts only where there is no aud", async () => {
  const tokens = tokensBy(keySet(), { claim: "warren", audience: ["mine"] });
  const sign = (more: object) => signed({ sub: "a", ...times, ...more }, rsa.privateKey, "RS256", { kid });
  expect(await tokens.verify(sign({ client_id: "mine" }))).toMatchObject({ user: "a" });
  expect(await tokens.verify(sign({ aud: "other", client_id: "mine" }))).toMatchObject({ kind: "audience" });
  expect(await tokens.verify(sign({ aud: [], client_id: "mine" }))).toMatchObject({ kind: "audience" });
  expect(await tokens.verify(sign({ client_id: ["mine"] }))).toMatchObject({ kind: "audience" });
  expect(await tokens.verify(sign({ client_id: { mine: 1 } }))).toMatchObject({ kind: "audience" });
  expect(await tokens.verify(sign({}))).toMatchObject({ kind: "audience", why: "the token has no aud" });
});
