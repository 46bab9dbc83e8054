// For tests of what sends mail.
export type { SmtpAnswer, SmtpStep, SmtpTestServer, SmtpTestServerOptions, TakenMessage } from "./smtp-test-server.js";
export { smtpSteps, smtpTestServer } from "./smtp-test-server.js";
