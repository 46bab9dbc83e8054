/** Of this package; a test compares it with the package's own file. */
export const version: string = "0.1.0";
