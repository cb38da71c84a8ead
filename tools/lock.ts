/** Finds what package-lock.json lacks of other platforms' builds, and describes them. A registry mirror that serves only some platforms
 *  leaves such holes, and `npm ci` then refuses the lock on every machine ("Missing: … from lock file"). Pure. */

/** npm's own file, as far as it matters here; what else an entry holds is kept. */
interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
  readonly [field: string]: unknown;
}

export interface PlatformPackage {
  readonly name: string;
  readonly version: string;
  readonly dev: boolean;
  readonly os: string;
  readonly cpu: string;
  readonly libc?: "musl" | "glibc";
}

export function missingBuilds(lock: Lock): PlatformPackage[] {
  return Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(
        ([name]) => lock.packages[`node_modules/${name}`] === undefined && lock.packages[`${path}/node_modules/${name}`] === undefined,
      )
      .map(([name, version]) => ({ name, version, dev, ...platformOf(name) })),
  );
}

/** `@oxlint/binding-linux-x64-musl`, `@cloudflare/workerd-windows-64`: platform and processor stand in the name. */
export function platformOf(name: string): Pick<PlatformPackage, "os" | "cpu" | "libc"> {
  const match = /-(android|darwin|freebsd|linux|openharmony|win32|windows)-(\w+?)(?:-(\w+))?$/.exec(name);
  if (match === null) throw new Error(`the name ${name} does not tell its platform: complete package-lock.json by hand`);
  const [, os = "", cpu = "", abi = ""] = match;
  const libc = os === "linux" ? libcOf(abi) : undefined;
  return { os: os === "windows" ? "win32" : os, cpu: cpu === "64" ? "x64" : cpu, ...(libc === undefined ? {} : { libc }) };
}

function libcOf(abi: string): "musl" | "glibc" | undefined {
  if (abi.startsWith("musl")) return "musl";
  return abi.startsWith("gnu") ? "glibc" : undefined;
}

/** The lock with the missing builds described, without a hash: npm reads it from the registry where such a build is wanted. */
export function completed(lock: Lock): Lock {
  const added = missingBuilds(lock).map(({ name, version, dev, os, cpu, libc }): [string, LockEntry] => [
    `node_modules/${name}`,
    { version, cpu: [cpu], ...(dev ? { dev } : {}), ...(libc === undefined ? {} : { libc: [libc] }), optional: true, os: [os] },
  ]);
  const entries = Object.entries({ ...lock.packages, ...Object.fromEntries(added) });
  return { ...lock, packages: Object.fromEntries(entries.toSorted(([a], [b]) => a.localeCompare(b, "en"))) };
}
