// For tests of what sends mail.
export type { SmtpAnswer, SmtpStep, SmtpTestServer, SmtpTestServerOptions, TakenMessage } from "./smtp-test-server.js";
export { smtpSteps, smtpTestServer } from "./smtp-test-server.js";
export type {
  TokenRequest,
  TokenTestAnswer,
  TokenTestServer,
  TokenTestServerOptions,
} from "./token-test-server.js";
export { tokenTestServer } from "./token-test-server.js";
