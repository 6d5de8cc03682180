// A certified OpenID provider for tests: in memory, one client for machines, one for people, one that introspects.
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;

const key = (type, options, alg) => {
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
  return { ...jwk, alg, use: 'sig', kid: alg };
};

const users = {
  alice: { email: 'alice@example.com', groups: ['staff', 'admin'], preferred_username: 'alice' },
  bob: { email: 'bob@example.com', groups: ['staff'], preferred_username: 'bob' },
};

const provider = new Provider(issuer, {
  clients: [
    { client_id: 'machine', client_secret: 'machine-secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
    { client_id: 'filter', client_secret: 'filter-secret', grant_types: [], redirect_uris: [], response_types: [] },
    { client_id: 'web', client_secret: 'web-secret', redirect_uris: ['http://127.0.0.1/callback'], grant_types: ['authorization_code'] },
  ],
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...users[id] }) }),
  claims: { openid: ['sub', 'groups'], email: ['email'], profile: ['preferred_username'] },
  conformIdTokenClaims: false,
  pkce: { required: () => false },
  cookies: { keys: ['lab'] },
  extraTokenClaims: (ctx, token) => (token.accountId ? { groups: users[token.accountId]?.groups ?? [] } : undefined),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === 'filter' },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://orders.example',
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'orders:read orders:write',
        audience: resource,
        accessTokenTTL: 600,
        accessTokenFormat: resource === 'https://opaque.example' ? 'opaque' : 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

provider.listen(port, '127.0.0.1', () => console.log('listening'));
