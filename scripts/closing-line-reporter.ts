import { writeSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/**
 * Ends the output with the plain line `N passed, N failed` (`, N skipped` when there are any), and makes
 * the process fail when anything failed or nothing ran.
 */
export default class ClosingLineReporter implements Reporter {
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  #finished = false;

  onInit(): void {
    // At exit rather than at the end of the run: coverage tables and teardown still print after that.
    process.once("exit", (code) => this.#close(code));
  }

  onTestRunStart(): void {
    this.#finished = false; // watch mode runs again
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#finished = true;
    this.#passed = 0;
    this.#skipped = 0;
    this.#failed = unhandledErrors.length;
    for (const module of modules) {
      this.#failed += module.errors().length; // a file that does not load has no tests to fail
      for (const suite of module.children.allSuites()) this.#failed += suite.errors().length; // hooks
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") this.#passed += 1;
        else if (state === "failed") this.#failed += 1;
        else this.#skipped += 1;
      }
    }
  }

  #close(code: number): void {
    // Global setup failed, a threshold was missed, or the run was cut short.
    if (this.#failed === 0 && (code !== 0 || !this.#finished)) this.#failed = 1;
    if (this.#failed > 0 || this.#passed === 0) process.exitCode ||= 1;
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : "";
    writeSync(1, `${this.#passed} passed, ${this.#failed} failed${skipped}\n`);
  }
}
