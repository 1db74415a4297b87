// The JSON Schema of the configuration, compiled as editors do it, and held against files that the program takes or refuses.
// NODE_PATH names the folder of ajv, which spectral brings.
const Ajv = require("ajv/dist/2020");
const addFormats = require("ajv-formats");
const fs = require("fs");

const ajv = new Ajv({ allowUnionTypes: true });
addFormats(ajv);
const takes = ajv.compile(JSON.parse(fs.readFileSync("docs/reference/configuration.schema.json", "utf8")));

const profile = (members) => ({
  ca: {
    profiles: [
      {
        name: "web", keys: ["p256", "rsa3072"], key_usage: ["digital-signature"], extended_key_usage: ["server-auth", "1.2.3"],
        default_validity: "30d", max_validity: "1y 30d", ...members,
      },
    ],
  },
});
const good = [
  {}, profile({}), profile({ backdate: "0s", certificate: { "sub-ca": { path_len: 0 } }, san: { max: 100, allowed: ["dns"] } }),
  { listen: { address: "::1", https_port: 0 } }, { auth: { max_validity: "10y" } }, { limits: { connections: 1 } },
];
const bad = [
  { listen: { address: "localhost" } }, { listen: { https_port: 65536 } }, { limits: { connections: 0 } },
  { limits: { body_memory: 0 } }, { limits: { requests_per_peer: 0 } }, { limits: { connections_per_peer: 0 } },
  { keymgr: { max_signatures_per_second: 4294967296 } }, { database: { max_connections: 0 } }, { database: { migrate: "yes" } },
  { auth: { max_validity: "10" } }, { auth: { max_validity: "1M" } }, { ca: { default_ca: "" } },
  profile({ san: { max: 0 } }), profile({ san: { max: 101 } }), profile({ key_usage: ["digitalSignature"] }),
  profile({ keys: ["rsa2047"] }), profile({ san: { allowed: ["opaque"] } }), profile({ default_validity: "" }),
];
const wrong = [
  ...good.filter((settings) => !takes(settings)).map((settings) => ["refuses", settings]),
  ...bad.filter((settings) => takes(settings)).map((settings) => ["takes", settings]),
];
for (const [does, settings] of wrong) console.error(`configuration.schema.json ${does} ${JSON.stringify(settings)}`);
process.exit(wrong.length > 0 ? 1 : 0);
