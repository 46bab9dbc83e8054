/** The option of a size: `workerKills` is `--worker-kills`. */
export function sizeFlag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
